/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-pipe-private.h"
#include "chan-sender-private.h"

G_BEGIN_DECLS

/* The receiving side of a pipe of bytes, as a GInputStream. */

#define CHAN_TYPE_BYTE_INPUT (chan_byte_input_get_type ())
G_DECLARE_FINAL_TYPE (ChanByteInput, chan_byte_input, CHAN, BYTE_INPUT, GInputStream)

/* Once, to begin with. Takes a new reference to pipe; NULL: cannot be read. */
void      chan_byte_input_bind     (ChanByteInput *self, ChanPipe *pipe, ChanObjectState state);
ChanPipe *chan_byte_input_get_pipe (ChanByteInput *self); /* nullable */
gint     *chan_byte_input_state    (ChanByteInput *self); /* ChanObjectState, atomic */
/* Nothing more will be read, if this object stands for the side; also while a read waits: then TRUE. */
gboolean  chan_byte_input_end      (ChanByteInput *self, ChanChannelError code, const char *text);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-pipe-private.h"
#include "chan-sender-private.h"

G_BEGIN_DECLS

/* The sending side of a pipe of bytes, as a GOutputStream. */

#define CHAN_TYPE_BYTE_OUTPUT (chan_byte_output_get_type ())
G_DECLARE_FINAL_TYPE (ChanByteOutput, chan_byte_output, CHAN, BYTE_OUTPUT, GOutputStream)

/* Once, to begin with. Takes a new reference to pipe; NULL: cannot be written. */
void      chan_byte_output_bind     (ChanByteOutput *self, ChanPipe *pipe, ChanObjectState state);
ChanPipe *chan_byte_output_get_pipe (ChanByteOutput *self); /* nullable */
gint     *chan_byte_output_state    (ChanByteOutput *self); /* ChanObjectState, atomic */
/* Nothing more will be written, if this object stands for the side; also while
 * a write waits: then TRUE. reason: nullable; at_once: what is queued is dropped. */
gboolean  chan_byte_output_end      (ChanByteOutput *self, const GError *reason, gboolean at_once);
/* As above: it went away without a word. */
void      chan_byte_output_drop     (ChanByteOutput *self);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-byte-input.h"
#include "chan-byte-output.h"
#include "chan-byte-stream.h"

G_BEGIN_DECLS

/* Takes new references; NULL: that half fails with CHAN_CHANNEL_ERROR_PERMISSION. */
ChanByteStream *chan_byte_stream_new_for_pipes (ChanPipe *in, ChanPipe *out, ChanObjectState state);
ChanPipe       *chan_byte_stream_get_in_pipe   (ChanByteStream *self); /* nullable */
ChanPipe       *chan_byte_stream_get_out_pipe  (ChanByteStream *self); /* nullable */

G_END_DECLS

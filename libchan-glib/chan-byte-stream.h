/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>

G_BEGIN_DECLS

#define CHAN_TYPE_BYTE_STREAM (chan_byte_stream_get_type ())

CHAN_API
G_DECLARE_FINAL_TYPE (ChanByteStream, chan_byte_stream, CHAN, BYTE_STREAM, GIOStream)

CHAN_API void chan_byte_stream_abort (ChanByteStream *self, const GError *reason);

G_END_DECLS

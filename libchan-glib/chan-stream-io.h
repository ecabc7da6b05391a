/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-byte-io.h>

G_BEGIN_DECLS

CHAN_API ChanByteIO *chan_stream_io_new (GIOStream *stream, GError **error);

G_END_DECLS

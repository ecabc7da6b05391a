/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-byte-io.h>

G_BEGIN_DECLS

/* The bytes of a connected GIOStream, which is kept and closed in the end: a
 * socket connection, or a pair of streams over file descriptors that can be
 * polled (sockets, pipes, terminals). Anything else cannot be driven from any
 * thread without blocking: UNSUPPORTED. */
CHAN_API ChanByteIO *chan_stream_io_new (GIOStream *stream, GError **error);

G_END_DECLS

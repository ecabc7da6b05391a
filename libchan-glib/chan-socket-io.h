/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-byte-io.h"

G_BEGIN_DECLS

/* The socket of a stream, which is kept, and closed in the end. */
ChanByteIO *chan_socket_io_new_for_owner (int fd, GIOStream *owner);

G_END_DECLS

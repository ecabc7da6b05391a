/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-byte-io.h"

G_BEGIN_DECLS

/* Bytes in by one file descriptor and out by another (a pair of pipes, standard
 * input and output); both belong to the owner, which is closed in the end. */
ChanByteIO *chan_pipe_io_new (int input_fd, int output_fd, GIOStream *owner, GError **error);

G_END_DECLS

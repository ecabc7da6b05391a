/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* One direction of a connected socket whose mode is not ours. */

#define CHAN_TYPE_FD_INPUT (chan_fd_input_get_type ())
G_DECLARE_FINAL_TYPE (ChanFdInput, chan_fd_input, CHAN, FD_INPUT, GInputStream)

/* Takes fd. */
GInputStream *chan_fd_input_new (int fd);

G_END_DECLS

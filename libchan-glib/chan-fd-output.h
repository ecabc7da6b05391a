/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* One direction of a connected socket whose mode is not ours. */

#define CHAN_TYPE_FD_OUTPUT (chan_fd_output_get_type ())
G_DECLARE_FINAL_TYPE (ChanFdOutput, chan_fd_output, CHAN, FD_OUTPUT, GOutputStream)

/* Takes fd. */
GOutputStream *chan_fd_output_new (int fd);

G_END_DECLS

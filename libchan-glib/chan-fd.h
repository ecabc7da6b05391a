/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>

G_BEGIN_DECLS

#define CHAN_TYPE_FD (chan_fd_get_type ())

CHAN_API
G_DECLARE_FINAL_TYPE (ChanFd, chan_fd, CHAN, FD, GObject)

CHAN_API ChanFd *chan_fd_new   (int fd);
CHAN_API int     chan_fd_get   (ChanFd *self);
CHAN_API int     chan_fd_dup   (ChanFd *self, GError **error);
CHAN_API int     chan_fd_steal (ChanFd *self);

G_END_DECLS

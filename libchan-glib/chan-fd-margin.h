/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Peers may fill a process with descriptors, but for the last ones: a program
 * needs some for itself, and GLib ends it when there is none for a main context. */
gboolean chan_fd_is_of_margin (int fd);
/* For what the library cannot do without: an epoll instance, an eventfd. Waits
 * while the process has no descriptor left. */
int      chan_fd_new_epoll    (void);
int      chan_fd_new_event    (void);

G_END_DECLS

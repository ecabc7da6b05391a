/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* fork(): the thread with which GLib serves D-Bus connections, and this
 * plugin's own, do not exist in the child, locks that they had stay locked, and
 * GLib starts no other. So what was made before belongs to the parent: in the
 * child nothing of it is used or freed, and its descriptors are replaced by a
 * socket that has ended. Nothing is made there.
 *
 * The core does the same (libchan-glib/chan-fork.h), and takes the lock of each
 * session before a fork, so none is taken here. */

/* A descriptor that is replaced in a child. */
typedef struct _ChanDBusForkFd ChanDBusForkFd;

/* How many forks lie between the first process that used this plugin and this one. */
guint           chan_dbus_fork_generation (void);
/* FALSE with error: this is a child of that one. */
gboolean        chan_dbus_fork_check      (GError **error);
/* Any thread */
ChanDBusForkFd *chan_dbus_fork_add_fd     (int fd);
/* Before it is closed: another may get its number. NULL: nothing */
void            chan_dbus_fork_remove_fd  (ChanDBusForkFd *self);

G_END_DECLS

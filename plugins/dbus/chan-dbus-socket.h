/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* A socket to listen at for D-Bus connections without a bus. */

typedef struct
{
  int fd;
  char *path; /* of its file; NULL: abstract */
  dev_t device;
  ino_t inode;
} ChanDBusSocket;

/* address: unix:path=… or unix:abstract=… */
gboolean chan_dbus_socket_listen (ChanDBusSocket *self, const char *address, guint mode, guint backlog, GError **error);
/* Removes the file, if it is still ours. The fd is not closed. */
void     chan_dbus_socket_clear  (ChanDBusSocket *self);

G_END_DECLS

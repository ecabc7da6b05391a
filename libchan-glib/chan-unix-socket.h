/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-options.h>

G_BEGIN_DECLS

/* For transports whose peers are on this machine: a Unix socket to listen at,
 * and which users may connect. C only (not introspected). */

typedef struct
{
  int fd;                /* the caller's, for a ChanAcceptLoop; never closed here */
  char *path;            /* of its file; NULL: there is none */
  guint64 device, inode; /* of the file that is ours */
  int pid;               /* whose socket it is */
} ChanUnixSocket;

/* With the options `mode` and `backlog`. A file that nobody answers at any more is replaced. address: a struct
 * sockaddr_un, of so many bytes. uri: for errors */
CHAN_API ChanUnixSocket *chan_unix_socket_listen (gconstpointer address, gsize len, ChanOptions *options,
                                                  const char *uri, GError **error);
/* Removes the file, if it is still ours. */
CHAN_API void            chan_unix_socket_free   (ChanUnixSocket *self);

/* The same user, root, and whom `allow-uids` names. Any thread */
CHAN_API gboolean        chan_unix_user_is_allowed (guint uid, ChanOptions *options);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanUnixSocket, chan_unix_socket_free)

G_END_DECLS

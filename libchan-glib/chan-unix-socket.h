/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-options.h>

G_BEGIN_DECLS

/**
 * ChanUnixSocket:
 * @fd: the socket, which is the caller's, for a [struct@Chan.AcceptLoop]; it is
 *   never closed here
 * @path: (nullable): the name of its file; %NULL: there is none
 * @device: where the file is that is ours
 * @inode: which file is ours
 * @pid: the process whose socket it is
 *
 * For transports whose peers are on this machine: a Unix socket to listen at.
 *
 * C only: bindings do not have it.
 *
 * Since: 0.1
 */
typedef struct
{
  int fd;
  char *path;
  guint64 device, inode;
  int pid;
} ChanUnixSocket;

CHAN_API ChanUnixSocket *chan_unix_socket_listen (gconstpointer address, gsize len, ChanOptions *options,
                                                  const char *uri, GError **error);
CHAN_API void            chan_unix_socket_free   (ChanUnixSocket *self);

CHAN_API gboolean        chan_unix_user_is_allowed (guint uid, ChanOptions *options);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanUnixSocket, chan_unix_socket_free)

G_END_DECLS

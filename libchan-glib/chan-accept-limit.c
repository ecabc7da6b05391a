/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-accept-limit.h"

#include <sys/socket.h>

#include <gio/gio.h>

void
chan_accept_limit_init (ChanAcceptLimit *self, ChanOptions *options)
{
  self->max_sessions = (guint) chan_options_get_int (options, "max-sessions");
  self->max_per_peer = (guint) chan_options_get_int (options, "max-sessions-per-peer");
  self->n_sessions = 0;
  self->peers = g_hash_table_new (g_str_hash, g_str_equal);
}

void
chan_accept_limit_clear (ChanAcceptLimit *self)
{
  g_clear_pointer (&self->peers, g_hash_table_unref);
}

/* NULL: not told apart from others, as on the loopback interface. */
static char *
peer_name (int fd)
{
  struct sockaddr_storage storage = { 0 };
  socklen_t len = sizeof storage;
  g_autoptr (GSocketAddress) address = NULL;
  GInetAddress *inet;
  struct ucred user;

  if (getpeername (fd, (struct sockaddr *) &storage, &len) < 0)
    return NULL;
  if (storage.ss_family == AF_UNIX)
    {
      len = sizeof user;
      return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &user, &len) == 0 ? g_strdup_printf ("uid %u", user.uid) : NULL;
    }
  address = g_socket_address_new_from_native (&storage, len);
  if (!G_IS_INET_SOCKET_ADDRESS (address))
    return NULL;
  inet = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address));
  return g_inet_address_get_is_loopback (inet) ? NULL : g_inet_address_to_string (inet);
}

ChanAcceptPeer *
chan_accept_limit_add (ChanAcceptLimit *self, int fd)
{
  ChanAcceptPeer *peer;
  g_autofree char *name = NULL;

  if (self->n_sessions >= self->max_sessions)
    return NULL;
  name = peer_name (fd);
  peer = name != NULL ? g_hash_table_lookup (self->peers, name) : NULL;
  if (peer != NULL && peer->n_sessions >= self->max_per_peer)
    return NULL;
  if (peer == NULL)
    {
      peer = g_new0 (ChanAcceptPeer, 1);
      peer->name = g_steal_pointer (&name);
      if (peer->name != NULL)
        g_hash_table_insert (self->peers, peer->name, peer);
    }
  peer->n_sessions++;
  self->n_sessions++;
  return peer;
}

void
chan_accept_limit_remove (ChanAcceptLimit *self, ChanAcceptPeer *peer)
{
  self->n_sessions--;
  if (--peer->n_sessions > 0)
    return;
  if (peer->name != NULL)
    g_hash_table_remove (self->peers, peer->name);
  g_free (peer->name);
  g_free (peer);
}

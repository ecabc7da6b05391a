/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-link-private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

/* Making a link: what both ends said that they take. */

/* Longer and larger ones than this no bus takes (32 MiB by default). */
#define MESSAGE_MAX ((gsize) 24 * 1024 * 1024)
#define WINDOW_MIN 1024

/* --- what this end takes --- */

static gsize
option (ChanOptions *options, const char *name)
{
  return (gsize) chan_options_get_int (options, name);
}

static gsize
max_message (ChanOptions *options)
{
  return MIN (option (options, "max-message-bytes"), MESSAGE_MAX);
}

static gsize
unread_window (ChanOptions *options)
{
  return chan_dbus_unread_window (option (options, "max-unread-bytes"), option (options, "session-window"), max_message (options));
}

GVariant *
chan_dbus_link_offer (ChanOptions *options)
{
  GVariantBuilder offer;

  g_variant_builder_init (&offer, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&offer, "{sv}", "max-message-bytes", g_variant_new_uint64 (max_message (options)));
  g_variant_builder_add (&offer, "{sv}", "channel-window", g_variant_new_uint64 (option (options, "queue-bytes")));
  g_variant_builder_add (&offer, "{sv}", "session-window", g_variant_new_uint64 (option (options, "session-window")));
  g_variant_builder_add (&offer, "{sv}", "session-fds", g_variant_new_uint64 (option (options, "session-fds")));
  g_variant_builder_add (&offer, "{sv}", "unread-window", g_variant_new_uint64 (unread_window (options)));
  return g_variant_builder_end (&offer);
}

gsize
chan_dbus_link_max_bytes (ChanOptions *options)
{
  /* What waits for answers, one message beyond it, and what is not part of values. */
  return 8 * CHAN_DBUS_UNANSWERED_BYTES + 2 * max_message (options);
}

/* --- the link --- */

static gsize
offered (GVariant *offer, const char *name, gsize otherwise)
{
  guint64 value;

  return g_variant_lookup (offer, name, "t", &value) ? (gsize) CLAMP (value, WINDOW_MIN, (guint64) G_MAXUINT32) : otherwise;
}

static void
read_options (ChanDBusLink *self, ChanOptions *options, GVariant *offer)
{
  self->limits.max_nodes = (guint) option (options, "max-message-nodes");
  self->limits.max_depth = (guint) option (options, "max-message-depth");
  self->max_handles = (guint) option (options, "max-message-handles");
  self->max_fds = (guint) option (options, "message-fds");
  self->max_session_fds = (guint) option (options, "session-fds");
  self->max_streams = (guint) option (options, "max-streams");
  self->keepalive_sec = (guint) option (options, "keepalive-sec");
  self->keepalive_timeout_sec = (guint) option (options, "keepalive-timeout-sec");
  self->max_message = max_message (options);
  self->window = option (options, "queue-bytes");
  self->session_window = option (options, "session-window");
  self->unread_window = unread_window (options);
  self->peer_max_message = MIN (offered (offer, "max-message-bytes", MESSAGE_MAX), MESSAGE_MAX);
  self->peer_window = offered (offer, "channel-window", WINDOW_MIN);
  self->peer_session_window = offered (offer, "session-window", WINDOW_MIN);
  self->peer_unread_window = offered (offer, "unread-window", self->peer_session_window);
}

/* Descriptors that the peer's application has not taken; a peer that takes none gets byte streams. */
static void
read_fds (ChanDBusLink *self, GVariant *offer)
{
  guint64 n;

  if (!g_variant_lookup (offer, "session-fds", "t", &n))
    return;
  if (n > 0)
    chan_link_set_fd_credit (CHAN_LINK (self), (guint) MIN (n, G_MAXUINT));
  else
    chan_link_set_flags (CHAN_LINK (self), CHAN_LINK_DRIVEN | CHAN_LINK_OWN_WINDOWS | CHAN_LINK_TAKEN);
}

static gboolean
begin_polling (ChanDBusLink *self, GError **error)
{
  struct epoll_event event = { .events = EPOLLIN };
  int failed;

  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  if (self->epoll_fd >= 0 && epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, self->route->inbox->event_fd, &event) == 0)
    return TRUE;
  failed = errno;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failed), "Cannot wait for a session: %s", g_strerror (failed));
  return FALSE;
}

static gboolean
check_peer_path (ChanDBusLink *self, GError **error)
{
  if (strlen (self->peer_path) < CHAN_DBUS_PATH_SIZE)
    return TRUE;
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "The path of your object may have %d bytes", CHAN_DBUS_PATH_SIZE - 1);
  return FALSE;
}

ChanLink *
chan_dbus_link_new (ChanDBusRoute *route, const char *peer_path, ChanSessionRole role, GCredentials *credentials,
                    ChanOptions *options, GVariant *offer, GError **error)
{
  g_autoptr (ChanDBusLink) self = g_object_new (CHAN_TYPE_DBUS_LINK, NULL);

  self->route = route;
  self->peer_path = g_strndup (peer_path, CHAN_DBUS_PATH_SIZE);
  self->role = role;
  self->generation = chan_dbus_fork_generation ();
  self->next_number = role == CHAN_SESSION_CLIENT ? 1 : 2;
  self->credentials = credentials != NULL ? g_object_ref (credentials) : NULL;
  self->objects = chan_dbus_objects_new (route->bus, route->path, route->inbox->peer,
                                         credentials != NULL ? g_credentials_get_unix_user (credentials, NULL) : G_MAXUINT);
  read_options (self, options, offer);
  read_fds (self, offer);
  if (!check_peer_path (self, error) || !begin_polling (self, error))
    return NULL;
  chan_link_set_poll (CHAN_LINK (self), self->epoll_fd, G_IO_IN, G_MAXINT64);
  return CHAN_LINK (g_steal_pointer (&self));
}

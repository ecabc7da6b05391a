/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-credentials.h"

#include <sys/socket.h>

#include <libchan-glib/chan-unix-socket.h>

#include "chan-dbus-error.h"

#define CALL_TIMEOUT_MS 25000

typedef struct
{
  ChanDBusCredentialsFunc func;
  gpointer data;
} Asked;

/* The bus does not say which of its groups is the first, nor of a peer elsewhere which process it is. GCredentials takes
 * no 0 for that; -1 is what it gives where it does not know. */
#define NO_GROUP 65534
#define NO_PROCESS G_MAXUINT32

static GCredentials *
new_credentials (guint32 uid, guint32 pid)
{
  struct ucred native = { .pid = (pid_t) (pid != 0 ? pid : NO_PROCESS), .uid = uid, .gid = NO_GROUP };
  GCredentials *credentials = g_credentials_new ();

  g_credentials_set_native (credentials, G_CREDENTIALS_TYPE_LINUX_UCRED, &native);
  return credentials;
}

static void
got_credentials (GObject *source, GAsyncResult *result, gpointer data)
{
  Asked *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariant) known = reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
  g_autoptr (GCredentials) credentials = NULL;
  guint32 uid = 0, pid = 0;

  if (known != NULL && g_variant_lookup (known, "UnixUserID", "u", &uid))
    {
      g_variant_lookup (known, "ProcessID", "u", &pid);
      credentials = new_credentials (uid, pid);
    }
  else if (error == NULL)
    g_set_error_literal (&error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION, "The bus does not know which user the peer is");
  self->func (credentials, error, self->data);
  g_free (self);
}

/* The kernel knows who is at the other end of a socket. */
static GCredentials *
socket_credentials (GDBusConnection *connection, GError **error)
{
  GIOStream *stream = g_dbus_connection_get_stream (connection);
  GCredentials *ours = g_dbus_connection_get_peer_credentials (connection);

  if (ours != NULL)
    return g_object_ref (ours);
  if (G_IS_SOCKET_CONNECTION (stream))
    return g_socket_get_credentials (g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream)), error);
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION, "Nobody knows which user the peer is");
  return NULL;
}

void
chan_dbus_credentials_get (ChanDBusBus *bus, const char *peer, GCancellable *cancellable,
                           ChanDBusCredentialsFunc func, gpointer data)
{
  GDBusConnection *connection = chan_dbus_bus_get_connection (bus);
  Asked *asked;

  if (peer == NULL)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GCredentials) credentials = socket_credentials (connection, &error);

      func (credentials, error, data);
      return;
    }
  asked = g_new (Asked, 1);
  *asked = (Asked) { func, data };
  g_dbus_connection_call (connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                          "GetConnectionCredentials", g_variant_new ("(s)", peer), G_VARIANT_TYPE ("(a{sv})"),
                          G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT_MS, cancellable, got_credentials, asked);
}

gboolean
chan_dbus_credentials_are_allowed (GCredentials *credentials, ChanOptions *options)
{
  return chan_unix_user_is_allowed (g_credentials_get_unix_user (credentials, NULL), options);
}

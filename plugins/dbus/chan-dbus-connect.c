/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <gio/gunixfdlist.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chan-dbus-address.h"
#include "chan-dbus-bus.h"
#include "chan-dbus-credentials.h"
#include "chan-dbus-direct.h"
#include "chan-dbus-error.h"
#include "chan-dbus-fork.h"
#include "chan-dbus-link.h"
#include "chan-dbus-thread.h"
#include "chan-dbus-transport.h"

/* Connecting, step by step, in the plugin's thread: the connection, who owns
 * the name (which starts the service if need be), who that is, the session. */

/* A service that is started on demand takes its time; the caller's own limit ends it sooner. */
#define CALL_TIMEOUT_MS G_MAXINT

typedef struct
{
  ChanOperation *operation;
  ChanDBusAddress *address;
  ChanDBusBus *bus;
  char *owner;               /* the listener's unique name; NULL: no bus */
  gboolean started;          /* the bus was asked to start the service */
  GCredentials *credentials; /* the listener's */
  int fd;                    /* our end of the pair, or -1 */
  ChanDBusRoute *route;      /* message mode: where the answers come */
} Connect;

static void
connect_free (Connect *self)
{
  g_object_unref (self->operation);
  chan_dbus_address_free (self->address);
  g_clear_pointer (&self->bus, chan_dbus_bus_unref);
  g_free (self->owner);
  g_clear_object (&self->credentials);
  g_clear_pointer (&self->route, chan_dbus_route_free);
  if (self->fd >= 0)
    close (self->fd);
  g_free (self);
}

static void
fail (Connect *self, const GError *error)
{
  chan_operation_return_error (self->operation, error);
  connect_free (self);
}

static void
fail_call (Connect *self, const GError *failure)
{
  g_autofree char *what = g_strdup_printf ("Cannot connect to %s", self->address->name != NULL ? self->address->name : self->address->address);
  g_autoptr (GError) error = chan_dbus_error_new (failure, what);

  fail (self, error);
}

static void
call (Connect *self, const char *destination, const char *path, const char *interface, const char *method,
      GVariant *parameters, GUnixFDList *fds, GAsyncReadyCallback callback)
{
  g_dbus_connection_call_with_unix_fd_list (chan_dbus_bus_get_connection (self->bus), destination, path, interface, method,
                                            parameters, NULL, G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT_MS, fds,
                                            chan_operation_get_cancellable (self->operation), callback, self);
}

static void
call_bus (Connect *self, const char *method, GVariant *parameters, GAsyncReadyCallback callback)
{
  call (self, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method, parameters, NULL, callback);
}

/* --- the session --- */

static gboolean is_remote (const GError *error, const char *name);

static void
opened (GObject *source, GAsyncResult *result, gpointer data)
{
  Connect *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), NULL, result, &error);
  g_autoptr (ChanLink) link = NULL;
  g_autoptr (GVariant) offer = NULL;
  const char *path;

  if (reply != NULL && g_variant_is_of_type (reply, G_VARIANT_TYPE ("(oa{sv})")))
    {
      g_variant_get (reply, "(&o@a{sv})", &path, &offer);
      link = chan_dbus_link_new (g_steal_pointer (&self->route), path, CHAN_SESSION_CLIENT, self->credentials,
                                 chan_operation_get_options (self->operation), offer, &error);
    }
  else if (reply != NULL)
    g_set_error_literal (&error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, "the listener gave a wrong answer");
  if (link == NULL)
    {
      fail_call (self, error);
      return;
    }
  chan_operation_return_link (self->operation, link);
  connect_free (self);
}

static void
open_messages (Connect *self)
{
  ChanOptions *options = chan_operation_get_options (self->operation);
  g_autoptr (GError) error = NULL;

  self->route = chan_dbus_route_new (self->bus, self->owner, self->address->path, chan_dbus_link_max_bytes (options), &error);
  if (self->route == NULL)
    fail (self, error);
  else
    call (self, self->owner, self->address->path, "org.libchan.Listener", "Open",
          g_variant_new ("(o@a{sv})", self->route->path, chan_dbus_link_offer (options)), NULL, opened);
}

static void
opened_direct (GObject *source, GAsyncResult *result, gpointer data)
{
  Connect *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), NULL, result, &error);
  g_autoptr (ChanLink) link = NULL;
  int fd = self->fd;

  if (reply == NULL && self->address->direct == CHAN_DBUS_DIRECT_AUTO && is_remote (error, "org.libchan.Error.Unsupported"))
    {
      open_messages (self);
      return;
    }
  if (reply == NULL)
    {
      fail_call (self, error);
      return;
    }
  self->fd = -1;
  link = chan_dbus_direct_link_new (fd, CHAN_SESSION_CLIENT, self->credentials, chan_operation_get_options (self->operation), &error);
  if (link == NULL)
    {
      fail (self, error);
      return;
    }
  chan_operation_return_link (self->operation, link);
  connect_free (self);
}

static gboolean
open_direct (Connect *self, GError **error)
{
  g_autoptr (GUnixFDList) list = NULL;
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
    {
      int failed = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failed), "Cannot make a pair of sockets: %s", g_strerror (failed));
      return FALSE;
    }
  self->fd = fds[0];
  list = g_unix_fd_list_new_from_array (&fds[1], 1);
  call (self, self->owner, self->address->path, "org.libchan.Listener", "OpenDirect",
        g_variant_new ("(h@a{sv})", 0, g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0)), list, opened_direct);
  return TRUE;
}

static void
open_session (Connect *self)
{
  GDBusConnection *connection = chan_dbus_bus_get_connection (self->bus);
  gboolean passes = (g_dbus_connection_get_capabilities (connection) & G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING) != 0;
  g_autoptr (GError) error = NULL;

  if (self->address->direct == CHAN_DBUS_DIRECT_NEVER || (self->address->direct == CHAN_DBUS_DIRECT_AUTO && !passes))
    open_messages (self);
  else if (!open_direct (self, &error))
    fail (self, error);
}

/* --- who it is --- */

static void
got_credentials (GCredentials *credentials, const GError *error, gpointer data)
{
  Connect *self = data;
  g_autoptr (GError) stranger = NULL;

  if (credentials == NULL)
    {
      fail_call (self, error);
      return;
    }
  /* On a bus its policy says who may own a name. */
  if (self->owner == NULL && !chan_dbus_credentials_are_allowed (credentials, chan_operation_get_options (self->operation)))
    {
      stranger = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION, "The peer is another user");
      fail_call (self, stranger);
      return;
    }
  self->credentials = g_object_ref (credentials);
  open_session (self);
}

static void ask_owner (Connect *self);

static gboolean
is_remote (const GError *error, const char *name)
{
  g_autofree char *remote = error != NULL ? g_dbus_error_get_remote_error (error) : NULL;

  return g_strcmp0 (remote, name) == 0;
}

static void
started (GObject *source, GAsyncResult *result, gpointer data)
{
  Connect *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), NULL, result, &error);

  if (is_remote (error, "org.freedesktop.DBus.Error.ServiceUnknown"))
    {
      g_clear_error (&error);
      g_set_error (&error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED,
                   "nobody owns this name on the bus, and it cannot be started on demand");
    }
  if (reply == NULL)
    fail_call (self, error);
  else
    ask_owner (self);
}

static void
got_owner (GObject *source, GAsyncResult *result, gpointer data)
{
  Connect *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), NULL, result, &error);

  if (reply != NULL && g_variant_is_of_type (reply, G_VARIANT_TYPE ("(s)")))
    {
      g_variant_get (reply, "(s)", &self->owner);
      chan_dbus_credentials_get (self->bus, self->owner, chan_operation_get_cancellable (self->operation), got_credentials, self);
      return;
    }
  if (is_remote (error, "org.freedesktop.DBus.Error.NameHasNoOwner") && !self->started)
    {
      self->started = TRUE;
      call_bus (self, "StartServiceByName", g_variant_new ("(su)", self->address->name, 0), started);
      return;
    }
  if (error == NULL)
    g_set_error_literal (&error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, "the bus gave a wrong answer");
  fail_call (self, error);
}

static void
ask_owner (Connect *self)
{
  call_bus (self, "GetNameOwner", g_variant_new ("(s)", self->address->name), got_owner);
}

static void
connected (ChanDBusBus *bus, const GError *error, gpointer data)
{
  Connect *self = data;

  if (bus == NULL)
    {
      g_autoptr (GError) failure = g_error_copy (error);

      g_dbus_error_strip_remote_error (failure);
      g_prefix_error (&failure, "Cannot connect to dbus:%s: ", self->address->address);
      fail (self, failure);
      return;
    }
  self->bus = chan_dbus_bus_ref (bus);
  if (self->address->name != NULL)
    ask_owner (self);
  else
    chan_dbus_credentials_get (bus, NULL, NULL, got_credentials, self);
}

static void
begin (gpointer data)
{
  Connect *self = data;

  chan_dbus_bus_connect (self->address->address, self->address->name != NULL, TRUE,
                         chan_operation_get_cancellable (self->operation), connected, self);
}

gboolean
chan_dbus_open_link (ChanOperation *operation, GError **error)
{
  ChanDBusAddress *address = chan_dbus_fork_check (error) ? chan_dbus_address_new (operation, error) : NULL;
  Connect *self;

  if (address == NULL)
    return FALSE;
  self = g_new0 (Connect, 1);
  self->operation = g_object_ref (operation);
  self->address = address;
  self->fd = -1;
  chan_dbus_thread_call (begin, self);
  return TRUE;
}

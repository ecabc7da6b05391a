/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include <libchan-glib/chan-accept-loop.h>

#include "chan-dbus-address.h"
#include "chan-dbus-bus.h"
#include "chan-dbus-credentials.h"
#include "chan-dbus-error.h"
#include "chan-dbus-fork.h"
#include "chan-dbus-service.h"
#include "chan-dbus-socket.h"
#include "chan-dbus-thread.h"
#include "chan-dbus-transport.h"

/* Listening: on a bus a name is owned; without one connections are accepted. */

#define LISTENING_KEY "chan-dbus-listening"
#define AUTHENTICATION_MS 10000
#define OWNER_NOW 1

/* All in the plugin's thread, but for the accept loop's calls. */
typedef struct
{
  gatomicrefcount ref_count;
  ChanDBusService *service;
  ChanDBusAddress *address;
  ChanOperation *operation; /* until listening began */
  GPtrArray *exports;       /* of Exported */
  gboolean stopped;
  guint generation;
  ChanAcceptLoop *loop;     /* without a bus */
  ChanUnixSocket *socket;
} Listening;

typedef struct
{
  Listening *listening; /* borrowed */
  ChanDBusBus *bus;
  guint id;
  gulong closed_id;
} Exported;

/* A connection that came in and says who it is. */
typedef struct
{
  Listening *listening;
  int fd;
  ChanAcceptPeer *peer;
  GCancellable *too_late;
  GSource *timeout;
} Incoming;

static Listening *
listening_ref (Listening *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

static void
listening_unref (gpointer data)
{
  Listening *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  chan_dbus_service_unref (self->service);
  chan_dbus_address_free (self->address);
  g_clear_object (&self->operation);
  g_ptr_array_unref (self->exports);
  g_clear_pointer (&self->loop, chan_accept_loop_unref);
  g_clear_pointer (&self->socket, chan_unix_socket_free);
  g_free (self);
}

static void
exported_free (gpointer data)
{
  Exported *self = data;

  if (self->closed_id != 0)
    g_signal_handler_disconnect (chan_dbus_bus_get_connection (self->bus), self->closed_id);
  chan_dbus_service_unexport (self->bus, self->id);
  chan_dbus_bus_unref (self->bus);
  g_free (self);
}

static void
connection_closed (GDBusConnection *connection, gboolean vanished, GError *error, gpointer data)
{
  Exported *self = data;
  Listening *listening = self->listening;
  g_autoptr (ChanListener) listener = listening->address->name != NULL ? chan_dbus_service_dup_listener (listening->service) : NULL;
  g_autoptr (GError) lost = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "The connection to the bus is lost");

  g_ptr_array_remove (listening->exports, self);
  if (listener != NULL)
    chan_listener_fail (listener, lost);
}

static gboolean
export (Listening *self, ChanDBusBus *bus, GError **error)
{
  guint id = chan_dbus_service_export (self->service, bus, error);
  Exported *exported;

  if (id == 0)
    return FALSE;
  exported = g_new (Exported, 1);
  *exported = (Exported) { self, chan_dbus_bus_ref (bus), id, 0 };
  exported->closed_id = g_signal_connect (chan_dbus_bus_get_connection (bus), "closed", G_CALLBACK (connection_closed), exported);
  g_ptr_array_add (self->exports, exported);
  return TRUE;
}

static void
listening_end (Listening *self, const GError *error)
{
  g_autoptr (ChanOperation) operation = g_steal_pointer (&self->operation);

  if (error != NULL)
    {
      g_ptr_array_set_size (self->exports, 0);
      chan_operation_return_error (operation, error);
    }
  else
    chan_operation_return_done (operation);
}

/* --- on a bus --- */

static void
got_name (GObject *source, GAsyncResult *result, gpointer data)
{
  Listening *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autofree char *what = g_strdup_printf ("Cannot listen as %s", self->address->name);
  g_autoptr (GError) failure = NULL;
  guint32 answer = 0;

  if (reply != NULL)
    g_variant_get (reply, "(u)", &answer);
  if (error != NULL)
    failure = chan_dbus_error_new (error, what);
  else if (answer != OWNER_NOW)
    failure = g_error_new (G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, "%s: it is in use, another program owns it on the bus", what);
  listening_end (self, failure);
  listening_unref (self);
}

static void
connected (ChanDBusBus *bus, const GError *error, gpointer data)
{
  Listening *self = data;
  g_autoptr (GError) failure = NULL;

  if (bus == NULL)
    {
      failure = g_error_copy (error);
      g_dbus_error_strip_remote_error (failure);
      g_prefix_error (&failure, "Cannot listen at dbus:%s: ", self->address->address);
    }
  /* The object first: the call for which the service was started may come at once. */
  if (failure != NULL || !export (self, bus, &failure))
    {
      listening_end (self, failure);
      listening_unref (self);
      return;
    }
  g_dbus_connection_call (chan_dbus_bus_get_connection (bus), "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                          "RequestName", g_variant_new ("(su)", self->address->name, G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE),
                          G_VARIANT_TYPE ("(u)"), G_DBUS_CALL_FLAGS_NONE, -1, chan_operation_get_cancellable (self->operation),
                          got_name, self);
}

static void
begin (gpointer data)
{
  Listening *self = data;

  chan_dbus_bus_connect (self->address->address, TRUE, FALSE, chan_operation_get_cancellable (self->operation), connected, self);
}

/* --- without a bus --- */

static gboolean
allow_mechanism (GDBusAuthObserver *observer, const char *mechanism, gpointer data)
{
  return g_str_equal (mechanism, "EXTERNAL");
}

/* A thread of GIO's. */
static gboolean
authorize (GDBusAuthObserver *observer, GIOStream *stream, GCredentials *credentials, gpointer data)
{
  return credentials != NULL && chan_dbus_credentials_are_allowed (credentials, data);
}

static void
incoming_free (Incoming *self)
{
  if (self->fd >= 0)
    close (self->fd);
  if (self->peer != NULL)
    chan_accept_loop_session_ended (self->listening->loop, self->peer);
  if (self->timeout != NULL)
    g_source_destroy (self->timeout);
  g_clear_pointer (&self->timeout, g_source_unref);
  g_object_unref (self->too_late);
  listening_unref (self->listening);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Incoming, incoming_free)

static void
authenticated (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Incoming) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = g_dbus_connection_new_finish (result, &error);
  g_autoptr (ChanDBusBus) bus = NULL;

  if (connection == NULL)
    {
      g_debug ("an incoming connection was refused: %s", error->message);
      return;
    }
  bus = chan_dbus_bus_new_for_connection (connection);
  /* It may have gone already: then it has said so before anybody listened. */
  if (self->listening->stopped || g_dbus_connection_is_closed (connection))
    return;
  if (!export (self->listening, bus, &error))
    {
      g_debug ("an incoming connection cannot be used: %s", error->message);
      return;
    }
  chan_accept_loop_session_lives (self->listening->loop, g_steal_pointer (&self->peer), G_OBJECT (connection));
  g_dbus_connection_start_message_processing (connection);
}

/* The kernel knows who it is: others need not say a word, which GDBus would read without a bound. */
static gboolean
is_allowed (Incoming *self, GSocket *socket)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GCredentials) credentials = g_socket_get_credentials (socket, &error);

  if (credentials != NULL && chan_dbus_credentials_are_allowed (credentials, chan_dbus_service_get_options (self->listening->service)))
    return TRUE;
  g_debug ("an incoming connection was refused: %s", credentials != NULL ? "it is of another user" : error->message);
  return FALSE;
}

static void
too_late (gpointer data)
{
  g_cancellable_cancel (data);
}

static void
authenticate (gpointer data)
{
  Incoming *self = data;
  ChanOptions *options = chan_dbus_service_get_options (self->listening->service);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (self->fd, &error);
  g_autoptr (GSocketConnection) stream = NULL;
  g_autoptr (GDBusAuthObserver) observer = NULL;
  g_autofree char *guid = g_dbus_generate_guid ();

  if (socket != NULL)
    self->fd = -1;
  if (socket == NULL || self->listening->stopped || !is_allowed (self, socket))
    {
      incoming_free (self);
      return;
    }
  stream = g_socket_connection_factory_create_connection (socket);
  observer = g_dbus_auth_observer_new ();
  g_signal_connect (observer, "allow-mechanism", G_CALLBACK (allow_mechanism), NULL);
  g_signal_connect_data (observer, "authorize-authenticated-peer", G_CALLBACK (authorize), g_object_ref (options),
                         (GClosureNotify) (void (*) (void)) g_object_unref, 0);
  self->timeout = chan_dbus_thread_call_after (AUTHENTICATION_MS, too_late, self->too_late);
  g_dbus_connection_new (G_IO_STREAM (stream), guid,
                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER | G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                         observer, self->too_late, authenticated, self);
}

/* A thread of the library. */
static void
incoming (ChanAcceptLoop *loop, int fd, ChanAcceptPeer *peer, gpointer data)
{
  Incoming *self = g_new0 (Incoming, 1);

  self->listening = listening_ref (data);
  self->fd = fd;
  self->peer = peer;
  self->too_late = g_cancellable_new ();
  chan_dbus_thread_call (authenticate, self);
}

static gboolean
begin_accepting (Listening *self, GError **error)
{
  ChanOptions *options = chan_dbus_service_get_options (self->service);

  self->socket = chan_dbus_socket_listen (self->address->address, options, error);
  if (self->socket == NULL)
    return FALSE;
  self->loop = chan_accept_loop_new (self->socket->fd, options, incoming, self, NULL);
  return TRUE;
}

/* --- both --- */

static void
stop_in_thread (gpointer data)
{
  Listening *self = data;

  self->stopped = TRUE;
  if (self->address->name != NULL && self->exports->len > 0)
    {
      Exported *exported = self->exports->pdata[0];

      g_dbus_connection_call (chan_dbus_bus_get_connection (exported->bus), "org.freedesktop.DBus", "/org/freedesktop/DBus",
                              "org.freedesktop.DBus", "ReleaseName", g_variant_new ("(s)", self->address->name), NULL,
                              G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
    }
  g_ptr_array_set_size (self->exports, 0);
  listening_unref (self);
}

static void
listening_stop (gpointer data)
{
  Listening *self = data;

  if (self->loop != NULL)
    chan_accept_loop_stop (self->loop);
  chan_dbus_service_stop (self->service);
  /* In a child of the process that listens: that goes on. */
  if (self->generation != chan_dbus_fork_generation ())
    return;
  g_clear_pointer (&self->socket, chan_unix_socket_free);
  chan_dbus_thread_call (stop_in_thread, self);
}

gboolean
chan_dbus_listen (ChanListener *listener, ChanOperation *operation, GError **error)
{
  ChanDBusAddress *address = chan_dbus_fork_check (error) ? chan_dbus_address_new (operation, error) : NULL;
  Listening *self;

  if (address == NULL)
    return FALSE;
  self = g_new0 (Listening, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->address = address;
  self->generation = chan_dbus_fork_generation ();
  self->service = chan_dbus_service_new (listener, chan_operation_get_options (operation), address);
  self->exports = g_ptr_array_new_with_free_func (exported_free);
  if (address->name == NULL && !begin_accepting (self, error))
    {
      listening_unref (self);
      return FALSE;
    }
  g_object_set_data_full (G_OBJECT (listener), LISTENING_KEY, self, listening_stop);
  if (address->name == NULL)
    {
      chan_operation_return_done (operation);
      return TRUE;
    }
  self->operation = g_object_ref (operation);
  chan_dbus_thread_call (begin, listening_ref (self));
  return TRUE;
}

void
chan_dbus_unlisten (ChanListener *listener)
{
  g_object_set_data (G_OBJECT (listener), LISTENING_KEY, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-hand.h"

#include <errno.h>
#include <gio/gunixfdlist.h>
#include <libchan-glib/chan-byte-stream.h>
#include <libchan-glib/chan-error.h>
#include <libchan-glib/chan-fd.h>
#include <libchan-glib/chan-message.h>
#include <libchan-glib/chan-pipe.h>
#include <libchan-glib/chan-receiver.h>
#include <libchan-glib/chan-sender.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chan-dbus-error.h"
#include "chan-dbus-interfaces.h"
#include "chan-dbus-value.h"

/* What one message by hand may be, as by default elsewhere. */
#define NODES_MAX 262144
#define DEPTH_MAX 64
#define HANDLES_MAX 16
#define NEW_CAPACITY 64

struct _ChanDBusHandChannel
{
  guint ref_count;    /* the session's, and those of calls */
  ChanDBusHand *hand; /* borrowed, until it is freed */
  char *path;
  GObject *end;
  guint id;
};

/* A call that waits */
typedef struct
{
  ChanDBusHand *hand;
  ChanDBusHandChannel *channel;
  GDBusMethodInvocation *invocation;
  ChanDBusWait *wait;
  GPtrArray *ends; /* SendWith: what the caller gets if it is sent */
} Call;

static ChanDBusHandChannel *
channel_ref (ChanDBusHandChannel *self)
{
  self->ref_count++;
  return self;
}

static void
channel_unref (gpointer data)
{
  ChanDBusHandChannel *self = data;

  if (--self->ref_count > 0)
    return;
  g_object_unref (self->end);
  g_free (self->path);
  g_free (self);
}

static void
call_free (Call *self)
{
  g_clear_pointer (&self->wait, chan_dbus_wait_free);
  g_clear_pointer (&self->ends, g_ptr_array_unref);
  channel_unref (self->channel);
  chan_dbus_hand_unref (self->hand);
  g_free (self);
}

static Call *
call_new (ChanDBusHand *hand, ChanDBusHandChannel *channel, GDBusMethodInvocation *invocation)
{
  Call *self = g_new0 (Call, 1);

  self->hand = chan_dbus_hand_ref (hand);
  self->channel = channel_ref (channel);
  self->invocation = invocation;
  self->wait = chan_dbus_wait_new (hand, invocation);
  return self;
}

static void
fail_call (Call *self, const char *late, const GError *error)
{
  if (chan_dbus_wait_timed_out (self->wait))
    chan_dbus_return_error (self->invocation, CHAN_CHANNEL_ERROR_TIMED_OUT, late);
  else
    chan_dbus_return_failure (self->invocation, error);
  call_free (self);
}

/* --- Send --- */

static void
sent (GObject *source, GAsyncResult *result, gpointer data)
{
  Call *self = data;
  g_autoptr (GError) error = NULL;
  GVariantBuilder paths;

  if (!chan_sender_send_finish (CHAN_SENDER (source), result, &error))
    {
      fail_call (self, "The channel has no room yet: nothing was sent", error);
      return;
    }
  g_variant_builder_init (&paths, G_VARIANT_TYPE ("ao"));
  for (guint i = 0; i < self->ends->len; i++)
    {
      g_autofree char *path = chan_dbus_hand_add (self->hand, g_object_ref (self->ends->pdata[i]), NULL);

      g_variant_builder_add (&paths, "o", path != NULL ? path : "/");
    }
  if (g_str_equal (g_dbus_method_invocation_get_method_name (self->invocation), "SendWith"))
    g_dbus_method_invocation_return_value (self->invocation, g_variant_new ("(ao)", &paths));
  else
    {
      g_variant_builder_clear (&paths);
      g_dbus_method_invocation_return_value (self->invocation, NULL);
    }
  call_free (self);
}

/* Descriptors of the call as handles, for values of type h. */
static gboolean
take_fds (GDBusMethodInvocation *invocation, GPtrArray *handles, GError **error)
{
  GUnixFDList *list = g_dbus_message_get_unix_fd_list (g_dbus_method_invocation_get_message (invocation));
  int n = 0;
  g_autofree int *fds = list != NULL ? g_unix_fd_list_steal_fds (list, &n) : NULL;

  for (int i = 0; i < n; i++)
    if (i < HANDLES_MAX)
      g_ptr_array_add (handles, chan_fd_new (fds[i]));
    else
      close (fds[i]);
  if (n <= HANDLES_MAX)
    return TRUE;
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message by hand carries at most %u handles", HANDLES_MAX);
  return FALSE;
}

/* New channels: one end is the message's, the other the caller's. */
static gboolean
make_channels (GVariant *kinds, GPtrArray *handles, GPtrArray *ends, GError **error)
{
  gsize n = g_variant_n_children (kinds);

  if (n > HANDLES_MAX)
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message by hand carries at most %u handles", HANDLES_MAX);
      return FALSE;
    }
  for (gsize i = 0; i < n; i++)
    {
      ChanSender *sender = NULL;
      ChanReceiver *receiver = NULL;
      const char *kind;
      gboolean sends;

      g_variant_get_child (kinds, i, "&s", &kind);
      sends = g_str_equal (kind, "sender");
      if (!sends && !g_str_equal (kind, "receiver"))
        {
          g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, "A handle is “sender” or “receiver”, not “%s”", kind);
          return FALSE;
        }
      chan_pipe_new (NEW_CAPACITY, &sender, &receiver);
      g_ptr_array_add (handles, sends ? (gpointer) sender : (gpointer) receiver);
      g_ptr_array_add (ends, sends ? (gpointer) receiver : (gpointer) sender);
    }
  return TRUE;
}

static ChanMessage *
make_message (Call *self, GError **error)
{
  GVariant *parameters = g_dbus_method_invocation_get_parameters (self->invocation);
  g_autoptr (GVariant) value = g_variant_get_child_value (parameters, 0);
  g_autoptr (GPtrArray) handles = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GVariant) body = NULL;
  ChanDBusValueLimits limits = { NODES_MAX, DEPTH_MAX, 0 };

  self->ends = g_ptr_array_new_with_free_func (g_object_unref);
  if (g_variant_n_children (parameters) > 1)
    {
      g_autoptr (GVariant) kinds = g_variant_get_child_value (parameters, 1);

      if (!make_channels (kinds, handles, self->ends, error))
        return NULL;
    }
  else if (!take_fds (self->invocation, handles, error))
    return NULL;
  limits.n_handles = handles->len;
  body = chan_dbus_value_decode (value, &limits, error);
  return body != NULL ? chan_message_new_with_handles (body, (GObject **) handles->pdata, handles->len) : NULL;
}

static void
send_message (ChanDBusHand *hand, ChanDBusHandChannel *channel, GDBusMethodInvocation *invocation)
{
  Call *self;
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = NULL;

  if (!CHAN_IS_SENDER (channel->end))
    {
      chan_dbus_return_error (invocation, CHAN_CHANNEL_ERROR_UNSUPPORTED, "This is the end that receives: call Receive");
      return;
    }
  self = call_new (hand, channel, invocation);
  message = make_message (self, &error);
  if (message == NULL)
    fail_call (self, "", error);
  else
    chan_sender_send_async (CHAN_SENDER (channel->end), message, G_PRIORITY_DEFAULT, chan_dbus_wait_get_cancellable (self->wait), sent, self);
}

/* --- Receive --- */

static void
spliced (GObject *source, GAsyncResult *result, gpointer data)
{
  g_io_stream_splice_finish (result, NULL);
}

/* The far end of a pair whose near end is joined to the stream; -1: there are no descriptors. */
static int
socket_of (GIOStream *stream)
{
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GSocketConnection) connection = NULL;
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
    return -1;
  socket = g_socket_new_from_fd (fds[0], NULL);
  if (socket == NULL)
    {
      close (fds[0]);
      close (fds[1]);
      return -1;
    }
  connection = g_socket_connection_factory_create_connection (socket);
  g_io_stream_splice_async (stream, G_IO_STREAM (connection),
                            G_IO_STREAM_SPLICE_CLOSE_STREAM1 | G_IO_STREAM_SPLICE_CLOSE_STREAM2 | G_IO_STREAM_SPLICE_WAIT_FOR_BOTH,
                            G_PRIORITY_DEFAULT, NULL, spliced, NULL);
  return fds[1];
}

static GVariant *
add_fd (GUnixFDList *fds, int fd)
{
  int index = fd >= 0 ? g_unix_fd_list_append (fds, fd, NULL) : -1;

  if (fd >= 0)
    close (fd);
  return index >= 0 ? g_variant_new_handle (index) : g_variant_new_string ("no file descriptor is left");
}

/* Takes the handle. */
static GVariant *
show_handle (ChanDBusHand *hand, GObject *handle, GUnixFDList *fds)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  const char *kind = CHAN_IS_SENDER (handle) ? "sender" : "receiver";

  if (CHAN_IS_FD (handle) || G_IS_IO_STREAM (handle))
    {
      g_autoptr (GObject) owned = handle;

      return add_fd (fds, CHAN_IS_FD (handle) ? chan_fd_steal (CHAN_FD (handle)) : socket_of (G_IO_STREAM (handle)));
    }
  path = chan_dbus_hand_add (hand, handle, &error);
  return path != NULL ? g_variant_new ("(so)", kind, path) : g_variant_new_string (error->message);
}

static void
received (GObject *source, GAsyncResult *result, gpointer data)
{
  Call *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_receiver_receive_finish (CHAN_RECEIVER (source), result, &error);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) value = NULL;
  GVariantBuilder handles;

  if (message == NULL && error == NULL)
    g_set_error_literal (&error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "The channel was closed, and everything was received");
  if (message == NULL)
    {
      fail_call (self, "There is no message yet: call again", error);
      return;
    }
  g_variant_builder_init (&handles, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < chan_message_get_n_handles (message); i++)
    g_variant_builder_add (&handles, "v", show_handle (self->hand, chan_message_steal_handle (message, i), fds));
  value = chan_dbus_value_encode (chan_message_get_body (message));
  g_dbus_method_invocation_return_value_with_unix_fd_list (self->invocation, g_variant_new ("(@vav)", value, &handles),
                                                           g_unix_fd_list_get_length (fds) > 0 ? fds : NULL);
  call_free (self);
}

static void
receive_message (ChanDBusHand *hand, ChanDBusHandChannel *channel, GDBusMethodInvocation *invocation)
{
  Call *self;

  if (!CHAN_IS_RECEIVER (channel->end))
    {
      chan_dbus_return_error (invocation, CHAN_CHANNEL_ERROR_UNSUPPORTED, "This is the end that sends: call Send");
      return;
    }
  self = call_new (hand, channel, invocation);
  chan_receiver_receive_async (CHAN_RECEIVER (channel->end), G_PRIORITY_DEFAULT, chan_dbus_wait_get_cancellable (self->wait), received, self);
}

/* --- the object --- */

static void
called (ChanDBusHand *hand, GDBusMethodInvocation *invocation, gpointer data)
{
  ChanDBusHandChannel *self = data;
  const char *method = g_dbus_method_invocation_get_method_name (invocation);

  if (g_str_has_prefix (method, "Send"))
    send_message (hand, self, invocation);
  else if (g_str_equal (method, "Receive"))
    receive_message (hand, self, invocation);
  else
    {
      if (CHAN_IS_SENDER (self->end))
        chan_sender_close (CHAN_SENDER (self->end));
      else
        chan_receiver_close (CHAN_RECEIVER (self->end));
      chan_dbus_hand_remove (hand, self->path);
      g_dbus_method_invocation_return_value (invocation, NULL);
    }
}

static void
method_called (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *method,
               GVariant *parameters, GDBusMethodInvocation *invocation, gpointer data)
{
  ChanDBusHandChannel *self = data;

  chan_dbus_hand_check (self->hand, invocation, called, channel_ref (self), channel_unref);
}

static GVariant *
get_property (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *property,
              GError **error, gpointer data)
{
  ChanDBusHandChannel *self = data;
  g_autofree char *name = NULL;

  if (g_str_equal (property, "Direction"))
    return g_variant_new_string (CHAN_IS_SENDER (self->end) ? "send" : "receive");
  g_object_get (self->end, "name", &name, NULL);
  return g_variant_new_string (name != NULL ? name : "");
}

ChanDBusHandChannel *
chan_dbus_hand_channel_new (ChanDBusHand *hand, const char *path, GObject *end, GError **error)
{
  static const GDBusInterfaceVTable vtable = { method_called, get_property, NULL };
  g_autofree ChanDBusHandChannel *self = g_new0 (ChanDBusHandChannel, 1);

  self->id = g_dbus_connection_register_object (chan_dbus_bus_get_connection (chan_dbus_hand_get_bus (hand)), path,
                                                (GDBusInterfaceInfo *) &org_libchan_channel_interface, &vtable, self, NULL, error);
  if (self->id == 0)
    return NULL;
  self->ref_count = 1;
  self->hand = hand;
  self->path = g_strdup (path);
  self->end = g_object_ref (end);
  return g_steal_pointer (&self);
}

void
chan_dbus_hand_channel_free (ChanDBusHandChannel *self)
{
  g_dbus_connection_unregister_object (chan_dbus_bus_get_connection (chan_dbus_hand_get_bus (self->hand)), self->id);
  channel_unref (self);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-hand.h"

#include <libchan-glib/chan-receiver.h>
#include <libchan-glib/chan-sender.h>

#include "chan-dbus-credentials.h"
#include "chan-dbus-error.h"
#include "chan-dbus-interfaces.h"
#include "chan-dbus-thread.h"

/* Objects that one session by hand may have */
#define CHANNELS_MAX 64
/* When the service has ended the session, what came can still be received for so long. */
#define REST_SEC 300

struct _ChanDBusHand
{
  guint ref_count;
  ChanDBusBus *bus;
  ChanSession *session;
  char *path;
  char *opener;
  guint user;
  guint id;
  gulong closed_id, lost_id;
  GHashTable *channels; /* path → ChanDBusHandChannel */
  guint n_channels;     /* ever */
  guint idle_sec;
  GSource *idle;
  gboolean closing; /* by its user */
  gboolean ended;
};

/* A call, until it is known who calls */
typedef struct
{
  ChanDBusHand *hand;
  GDBusMethodInvocation *invocation;
  ChanDBusHandFunc func;
  gpointer data;
  GDestroyNotify data_unref;
} Check;

/* AcceptChannel, until there is one */
typedef struct
{
  ChanDBusHand *hand;
  GDBusMethodInvocation *invocation;
  ChanDBusWait *wait;
} Accept;

ChanDBusHand *
chan_dbus_hand_ref (ChanDBusHand *self)
{
  self->ref_count++;
  return self;
}

void
chan_dbus_hand_unref (ChanDBusHand *self)
{
  if (--self->ref_count > 0)
    return;
  g_hash_table_unref (self->channels);
  g_object_unref (self->session);
  chan_dbus_bus_unref (self->bus);
  g_free (self->path);
  g_free (self->opener);
  g_free (self);
}

ChanDBusBus *
chan_dbus_hand_get_bus (ChanDBusHand *self)
{
  return self->bus;
}

/* --- its life --- */

static void
stop_idle (ChanDBusHand *self)
{
  if (self->idle != NULL)
    g_source_destroy (self->idle);
  g_clear_pointer (&self->idle, g_source_unref);
}

/* Channels that are in use keep references until their calls end. */
static void
hand_over (ChanDBusHand *self)
{
  if (self->ended)
    return;
  self->ended = TRUE;
  stop_idle (self);
  g_signal_handler_disconnect (self->session, self->closed_id);
  g_signal_handler_disconnect (chan_dbus_bus_get_connection (self->bus), self->lost_id);
  g_dbus_connection_unregister_object (chan_dbus_bus_get_connection (self->bus), self->id);
  g_hash_table_remove_all (self->channels);
  chan_dbus_hand_unref (self);
}

void
chan_dbus_hand_end (ChanDBusHand *self)
{
  chan_session_abort (self->session);
  hand_over (self);
}

static void
idle_for_long (gpointer data)
{
  chan_dbus_hand_end (data);
}

static void
used (ChanDBusHand *self)
{
  stop_idle (self);
  if (self->idle_sec > 0 && !self->ended)
    self->idle = chan_dbus_thread_call_after (self->idle_sec * 1000, idle_for_long, self);
}

static void
session_closed (ChanSession *session, gpointer data)
{
  ChanDBusHand *self = data;

  if (self->closing)
    {
      hand_over (self);
      return;
    }
  if (self->idle_sec == 0)
    self->idle_sec = REST_SEC;
  used (self);
}

static void
connection_closed (GDBusConnection *connection, gboolean vanished, GError *error, gpointer data)
{
  chan_dbus_hand_end (data);
}

/* --- who calls --- */

static void
checked (GCredentials *credentials, const GError *error, gpointer data)
{
  Check *self = data;

  if (self->hand->ended)
    chan_dbus_return_error (self->invocation, CHAN_CHANNEL_ERROR_CLOSED, "The session has ended");
  else if (credentials == NULL)
    chan_dbus_return_error (self->invocation, CHAN_CHANNEL_ERROR_PERMISSION, error->message);
  else if (g_credentials_get_unix_user (credentials, NULL) != self->hand->user)
    chan_dbus_return_error (self->invocation, CHAN_CHANNEL_ERROR_PERMISSION, "This session is another user's");
  else
    {
      used (self->hand);
      self->func (self->hand, self->invocation, self->data);
    }
  if (self->data_unref != NULL)
    self->data_unref (self->data);
  chan_dbus_hand_unref (self->hand);
  g_free (self);
}

void
chan_dbus_hand_check (ChanDBusHand *self, GDBusMethodInvocation *invocation, ChanDBusHandFunc func, gpointer data, GDestroyNotify data_unref)
{
  Check *check = g_new (Check, 1);

  *check = (Check) { chan_dbus_hand_ref (self), invocation, func, data, data_unref };
  chan_dbus_credentials_get (self->bus, chan_dbus_bus_is_bus (self->bus) ? g_dbus_method_invocation_get_sender (invocation) : NULL,
                             NULL, checked, check);
}

void
chan_dbus_return_failure (GDBusMethodInvocation *invocation, const GError *error)
{
  ChanChannelError code = CHAN_CHANNEL_ERROR_FAILED;

  if (error->domain == CHAN_CHANNEL_ERROR)
    code = (ChanChannelError) error->code;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    code = CHAN_CHANNEL_ERROR_TIMED_OUT;
  chan_dbus_return_error (invocation, code, error->message);
}

/* --- channels --- */

char *
chan_dbus_hand_add (ChanDBusHand *self, GObject *end, GError **error)
{
  g_autoptr (GObject) taken = end;
  g_autofree char *path = g_strdup_printf ("%s/channel/%u", self->path, self->n_channels + 1);
  ChanDBusHandChannel *channel;

  if (g_hash_table_size (self->channels) >= CHANNELS_MAX)
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "A session by hand has at most %u channels: close some", CHANNELS_MAX);
      return NULL;
    }
  channel = chan_dbus_hand_channel_new (self, path, taken, error);
  if (channel == NULL)
    return NULL;
  self->n_channels++;
  g_hash_table_insert (self->channels, g_strdup (path), channel);
  return g_steal_pointer (&path);
}

void
chan_dbus_hand_remove (ChanDBusHand *self, const char *path)
{
  g_hash_table_remove (self->channels, path);
}

char *
chan_dbus_hand_open_channel (ChanDBusHand *self, const char *name, GError **error)
{
  ChanSender *sender = chan_session_open_channel (self->session, *name != '\0' ? name : NULL, error);

  used (self);
  return sender != NULL ? chan_dbus_hand_add (self, G_OBJECT (sender), error) : NULL;
}

/* --- the object --- */

static void
accepted (GObject *source, GAsyncResult *result, gpointer data)
{
  Accept *self = data;
  g_autoptr (GError) error = NULL;
  ChanReceiver *receiver = chan_session_accept_channel_finish (CHAN_SESSION (source), result, &error);
  g_autofree char *name = receiver != NULL ? g_strdup (chan_receiver_get_name (receiver)) : NULL;
  g_autofree char *path = receiver != NULL ? chan_dbus_hand_add (self->hand, G_OBJECT (receiver), &error) : NULL;

  if (path != NULL)
    g_dbus_method_invocation_return_value (self->invocation, g_variant_new ("(so)", name != NULL ? name : "", path));
  else if (receiver == NULL && chan_dbus_wait_timed_out (self->wait))
    chan_dbus_return_error (self->invocation, CHAN_CHANNEL_ERROR_TIMED_OUT, "The service opened no channel yet: call again");
  else
    chan_dbus_return_failure (self->invocation, error);
  chan_dbus_wait_free (self->wait);
  chan_dbus_hand_unref (self->hand);
  g_free (self);
}

static void
session_called (ChanDBusHand *self, GDBusMethodInvocation *invocation, gpointer data)
{
  const char *method = g_dbus_method_invocation_get_method_name (invocation);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  if (g_str_equal (method, "AcceptChannel"))
    {
      Accept *accept = g_new (Accept, 1);

      *accept = (Accept) { chan_dbus_hand_ref (self), invocation, chan_dbus_wait_new (self, invocation) };
      chan_session_accept_channel_async (self->session, G_PRIORITY_DEFAULT, chan_dbus_wait_get_cancellable (accept->wait), accepted, accept);
      return;
    }
  if (g_str_equal (method, "OpenChannel"))
    {
      const char *name;

      g_variant_get (g_dbus_method_invocation_get_parameters (invocation), "(&s)", &name);
      path = chan_dbus_hand_open_channel (self, name, &error);
      if (path != NULL)
        g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", path));
      else
        chan_dbus_return_failure (invocation, error);
      return;
    }
  self->closing = TRUE;
  chan_session_close_async (self->session, G_PRIORITY_DEFAULT, NULL, NULL, NULL);
  g_dbus_method_invocation_return_value (invocation, NULL);
}

static void
method_called (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *method,
               GVariant *parameters, GDBusMethodInvocation *invocation, gpointer data)
{
  chan_dbus_hand_check (data, invocation, session_called, NULL, NULL);
}

static GVariant *
get_property (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *property,
              GError **error, gpointer data)
{
  ChanDBusHand *self = data;

  if (g_str_equal (property, "Peer"))
    return g_variant_new_string (self->opener);
  if (g_str_equal (property, "User"))
    return g_variant_new_uint32 (self->user);
  return g_variant_new_boolean (TRUE);
}

ChanDBusHand *
chan_dbus_hand_new (ChanDBusBus *bus, ChanSession *session, const char *base, const char *opener, guint user, guint idle_sec)
{
  static const GDBusInterfaceVTable vtable = { method_called, get_property, NULL };
  static guint n_hands;
  ChanDBusHand *self = g_new0 (ChanDBusHand, 1);

  self->ref_count = 1;
  self->bus = chan_dbus_bus_ref (bus);
  self->session = session;
  self->path = g_strdup_printf ("%s/hand/%u", base, ++n_hands);
  self->opener = g_strdup (opener != NULL ? opener : "");
  self->user = user;
  self->idle_sec = idle_sec;
  self->channels = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) chan_dbus_hand_channel_free);
  self->closed_id = g_signal_connect (session, "closed", G_CALLBACK (session_closed), self);
  self->lost_id = g_signal_connect (chan_dbus_bus_get_connection (bus), "closed", G_CALLBACK (connection_closed), self);
  self->id = g_dbus_connection_register_object (chan_dbus_bus_get_connection (bus), self->path,
                                                (GDBusInterfaceInfo *) &org_libchan_session_interface, &vtable, self, NULL, NULL);
  used (self);
  return self;
}

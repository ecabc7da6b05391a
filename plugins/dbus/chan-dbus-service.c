/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-service.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

#include "chan-dbus-credentials.h"
#include "chan-dbus-direct.h"
#include "chan-dbus-error.h"
#include "chan-dbus-fork.h"
#include "chan-dbus-hand.h"
#include "chan-dbus-interfaces.h"
#include "chan-dbus-link.h"

/* How long a caller may take to answer a call, before its session begins */
#define CALL_BACK_MS 10000

struct _ChanDBusService
{
  gatomicrefcount ref_count;
  GWeakRef listener;
  ChanOptions *options;
  char *path;
  ChanDBusDirect direct;
  GMutex lock; /* leaf; guards: */
  guint n_sessions;
  GHashTable *per_user; /* uid → number of sessions */
};

/* An object that is exported over one connection. */
typedef struct
{
  ChanDBusService *service;
  ChanDBusBus *bus;
} Export;

/* A call that waits to know who called, and whether that can be called. */
typedef struct
{
  ChanDBusService *service;
  ChanDBusBus *bus;
  GDBusMethodInvocation *invocation;
  GCredentials *credentials;
  ChanDBusRoute *route; /* Open: the session's place, until its link has it */
  gboolean counts;      /* for the user's sessions, and until its link does */
} Call;

/* A session that counts, until its link is gone. */
typedef struct
{
  ChanDBusService *service;
  guint uid;
  guint generation;
} Counted;

ChanDBusService *
chan_dbus_service_new (ChanListener *listener, ChanOptions *options, const ChanDBusAddress *address)
{
  ChanDBusService *self = g_new0 (ChanDBusService, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_weak_ref_init (&self->listener, listener);
  self->options = g_object_ref (options);
  self->path = g_strdup (address->path);
  self->direct = address->direct;
  g_mutex_init (&self->lock);
  self->per_user = g_hash_table_new (NULL, NULL);
  return self;
}

ChanDBusService *
chan_dbus_service_ref (ChanDBusService *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
chan_dbus_service_unref (ChanDBusService *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_weak_ref_clear (&self->listener);
  g_object_unref (self->options);
  g_hash_table_unref (self->per_user);
  g_mutex_clear (&self->lock);
  g_free (self->path);
  g_free (self);
}

/* From now on nobody is let in, also who was asked before the listener was closed; the program may keep that. Called while
 * the listener is there: the last reference to this may go in another thread while the listener is disposed of. */
void
chan_dbus_service_stop (ChanDBusService *self)
{
  g_weak_ref_set (&self->listener, NULL);
}

ChanListener *
chan_dbus_service_dup_listener (ChanDBusService *self)
{
  return g_weak_ref_get (&self->listener);
}

ChanOptions *
chan_dbus_service_get_options (ChanDBusService *self)
{
  return self->options;
}

/* --- how many --- */

static gboolean
count (ChanDBusService *self, guint uid)
{
  guint of_user;
  gboolean allowed;

  g_mutex_lock (&self->lock);
  of_user = GPOINTER_TO_UINT (g_hash_table_lookup (self->per_user, GUINT_TO_POINTER (uid)));
  allowed = self->n_sessions < (guint) chan_options_get_int (self->options, "max-sessions") &&
            of_user < (guint) chan_options_get_int (self->options, "max-sessions-per-peer");
  if (allowed)
    {
      self->n_sessions++;
      g_hash_table_insert (self->per_user, GUINT_TO_POINTER (uid), GUINT_TO_POINTER (of_user + 1));
    }
  g_mutex_unlock (&self->lock);
  return allowed;
}

static void
uncount (ChanDBusService *self, guint uid)
{
  guint of_user;

  g_mutex_lock (&self->lock);
  of_user = GPOINTER_TO_UINT (g_hash_table_lookup (self->per_user, GUINT_TO_POINTER (uid)));
  self->n_sessions--;
  if (of_user > 1)
    g_hash_table_insert (self->per_user, GUINT_TO_POINTER (uid), GUINT_TO_POINTER (of_user - 1));
  else
    g_hash_table_remove (self->per_user, GUINT_TO_POINTER (uid));
  g_mutex_unlock (&self->lock);
}

static void
session_gone (gpointer data, GObject *link)
{
  Counted *self = data;

  if (self->generation != chan_dbus_fork_generation ())
    return;
  uncount (self->service, self->uid);
  chan_dbus_service_unref (self->service);
  g_free (self);
}

/* --- letting in --- */

static void
call_free (Call *self)
{
  g_clear_pointer (&self->route, chan_dbus_route_free);
  if (self->counts)
    uncount (self->service, g_credentials_get_unix_user (self->credentials, NULL));
  chan_dbus_service_unref (self->service);
  chan_dbus_bus_unref (self->bus);
  g_object_unref (self->invocation);
  g_clear_object (&self->credentials);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_free)

/* -1: none */
static int
take_socket (GDBusMethodInvocation *invocation)
{
  GUnixFDList *fds = g_dbus_message_get_unix_fd_list (g_dbus_method_invocation_get_message (invocation));
  GVariant *parameters = g_dbus_method_invocation_get_parameters (invocation);
  gint32 index;

  g_variant_get_child (parameters, 0, "h", &index);
  if (fds == NULL || index < 0 || index >= g_unix_fd_list_get_length (fds))
    return -1;
  return g_unix_fd_list_get (fds, index, NULL);
}

/* answer: what the caller gets */
static ChanLink *
open_messages (Call *self, GCredentials *credentials, GVariant **answer, GError **error)
{
  ChanOptions *options = self->service->options;
  GVariant *parameters = g_dbus_method_invocation_get_parameters (self->invocation);
  g_autofree char *path = g_strdup (self->route->path);
  g_autoptr (GVariant) offer = NULL;
  const char *peer_path;
  ChanLink *link;

  g_variant_get (parameters, "(&o@a{sv})", &peer_path, &offer);
  link = chan_dbus_link_new (g_steal_pointer (&self->route), peer_path, CHAN_SESSION_SERVER, credentials, options, offer, error);
  if (link != NULL)
    *answer = g_variant_new ("(o@a{sv})", path, chan_dbus_link_offer (options));
  return link;
}

/* For a person: the client's end stays in this process. */
static ChanLink *
open_by_hand (Call *self, GCredentials *credentials, GVariant **answer, GError **error)
{
  const char *sender = chan_dbus_bus_is_bus (self->bus) ? g_dbus_method_invocation_get_sender (self->invocation) : NULL;
  guint idle_sec = (guint) chan_options_get_int (self->service->options, "idle-timeout-sec");
  g_autoptr (GSocketConnection) stream = NULL;
  g_autoptr (ChanLink) link = NULL;
  ChanSession *session;
  ChanDBusHand *hand;
  g_autofree char *path = NULL;
  const char *name;
  int fd;

  stream = chan_dbus_direct_pair (&fd, error);
  if (stream == NULL)
    return NULL;
  link = chan_dbus_direct_link_new (fd, CHAN_SESSION_SERVER, credentials, self->service->options, error);
  session = link != NULL ? chan_session_new_for_stream (G_IO_STREAM (stream), CHAN_SESSION_CLIENT, error) : NULL;
  if (session == NULL)
    return NULL;
  hand = chan_dbus_hand_new (self->bus, session, self->service->path, sender, g_credentials_get_unix_user (credentials, NULL), idle_sec);
  g_variant_get (g_dbus_method_invocation_get_parameters (self->invocation), "(&s)", &name);
  path = chan_dbus_hand_open_channel (hand, name, error);
  if (path == NULL)
    {
      chan_dbus_hand_end (hand);
      return NULL;
    }
  *answer = g_variant_new ("(o)", path);
  return g_steal_pointer (&link);
}

static ChanLink *
open_link (Call *self, GCredentials *credentials, GVariant **answer, GError **error)
{
  int fd;

  if (g_str_equal (g_dbus_method_invocation_get_method_name (self->invocation), "OpenChannel"))
    return open_by_hand (self, credentials, answer, error);

  if (g_str_equal (g_dbus_method_invocation_get_method_name (self->invocation), "Open"))
    return open_messages (self, credentials, answer, error);
  fd = take_socket (self->invocation);

  if (fd >= 0)
    return chan_dbus_direct_link_new (fd, CHAN_SESSION_SERVER, credentials, self->service->options, error);
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, "No socket was passed");
  return NULL;
}

static void
let_in (Call *self, ChanListener *listener)
{
  g_autoptr (ChanLink) link = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *answer = NULL;
  Counted *counted;

  link = open_link (self, self->credentials, &answer, &error);
  if (link == NULL)
    {
      chan_dbus_return_failure (g_object_ref (self->invocation), error);
      return;
    }
  counted = g_new (Counted, 1);
  *counted = (Counted) { chan_dbus_service_ref (self->service), g_credentials_get_unix_user (self->credentials, NULL), chan_dbus_fork_generation () };
  self->counts = FALSE;
  g_object_weak_ref (G_OBJECT (link), session_gone, counted);
  g_dbus_method_invocation_return_value (g_object_ref (self->invocation), answer);
  chan_listener_deliver_link (listener, link);
}

static void
may_come_in (Call *self)
{
  g_autoptr (ChanListener) listener = chan_dbus_service_dup_listener (self->service);

  if (listener == NULL)
    chan_dbus_return_error (g_object_ref (self->invocation), CHAN_CHANNEL_ERROR_CLOSED, "The listener was closed");
  else
    let_in (self, listener);
}

/* The caller has no such object: that it says so is what is asked. If the bus says something, the caller cannot be called,
 * or is gone: of that nobody would tell us any more. */
static void
called_back (GDBusMessage *reply, gpointer data)
{
  g_autoptr (Call) self = data;
  ChanChannelError code;

  if (reply == NULL)
    chan_dbus_return_error (g_object_ref (self->invocation), CHAN_CHANNEL_ERROR_TIMED_OUT, "You do not answer calls, as a session of messages must");
  else if (g_dbus_message_get_message_type (reply) == G_DBUS_MESSAGE_TYPE_ERROR &&
           g_strcmp0 (g_dbus_message_get_sender (reply), "org.freedesktop.DBus") == 0)
    {
      code = chan_dbus_error_code (g_dbus_message_get_error_name (reply));
      chan_dbus_return_error (g_object_ref (self->invocation), code,
                              code == CHAN_CHANNEL_ERROR_PERMISSION
                                ? "The policy of the bus does not let this service call its clients, as a session of messages must"
                                : "The bus does not let this service call you, as a session of messages must");
    }
  else
    may_come_in (self);
}

/* The route first: if the caller goes after it has answered, that is seen. FALSE: the session cannot begin. */
static gboolean
call_back (Call *self, GError **error)
{
  gboolean is_bus = chan_dbus_bus_is_bus (self->bus);
  const char *sender = is_bus ? g_dbus_method_invocation_get_sender (self->invocation) : NULL;

  self->route = chan_dbus_route_new (self->bus, sender, self->service->path, chan_dbus_link_max_bytes (self->service->options), error);
  if (self->route == NULL)
    return FALSE;
  if (is_bus)
    return chan_dbus_route_ping (self->route, CALL_BACK_MS, called_back, self, error);
  may_come_in (self);
  call_free (self);
  return TRUE;
}

static void
got_credentials (GCredentials *credentials, const GError *error, gpointer data)
{
  g_autoptr (Call) self = data;
  g_autoptr (GError) failure = NULL;

  if (credentials == NULL)
    chan_dbus_return_error (g_object_ref (self->invocation), CHAN_CHANNEL_ERROR_PERMISSION, error->message);
  else if (!chan_dbus_credentials_are_allowed (credentials, self->service->options))
    chan_dbus_return_error (g_object_ref (self->invocation), CHAN_CHANNEL_ERROR_PERMISSION, "Your user may not connect");
  /* Those that are still asked count too. */
  else if (!count (self->service, g_credentials_get_unix_user (credentials, NULL)))
    chan_dbus_return_error (g_object_ref (self->invocation), CHAN_CHANNEL_ERROR_LIMIT, "Too many sessions");
  else
    {
      self->credentials = g_object_ref (credentials);
      self->counts = TRUE;
      if (!g_str_equal (g_dbus_method_invocation_get_method_name (self->invocation), "Open"))
        may_come_in (self);
      else if (call_back (self, &failure))
        self = NULL;
      else
        chan_dbus_return_failure (g_object_ref (self->invocation), failure);
    }
}

static void
method_called (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *method,
               GVariant *parameters, GDBusMethodInvocation *invocation, gpointer data)
{
  Export *self = data;
  Call *call;

  if (g_str_equal (method, "OpenDirect") && self->service->direct == CHAN_DBUS_DIRECT_NEVER)
    {
      chan_dbus_return_error (invocation, CHAN_CHANNEL_ERROR_UNSUPPORTED, "This service takes messages only");
      return;
    }
  if (g_str_equal (method, "Open") && self->service->direct == CHAN_DBUS_DIRECT_REQUIRE)
    {
      chan_dbus_return_error (invocation, CHAN_CHANNEL_ERROR_UNSUPPORTED, "This service takes sessions over a socket only");
      return;
    }
  call = g_new0 (Call, 1);
  call->service = chan_dbus_service_ref (self->service);
  call->bus = chan_dbus_bus_ref (self->bus);
  call->invocation = invocation;
  chan_dbus_credentials_get (self->bus, chan_dbus_bus_is_bus (self->bus) ? sender : NULL, NULL, got_credentials, call);
}

static void
export_free (gpointer data)
{
  Export *self = data;

  chan_dbus_service_unref (self->service);
  g_free (self);
}

guint
chan_dbus_service_export (ChanDBusService *self, ChanDBusBus *bus, GError **error)
{
  static const GDBusInterfaceVTable vtable = { method_called, NULL, NULL };
  Export *export = g_new (Export, 1);

  *export = (Export) { chan_dbus_service_ref (self), bus };
  return g_dbus_connection_register_object (chan_dbus_bus_get_connection (bus), self->path,
                                            (GDBusInterfaceInfo *) &org_libchan_listener_interface, &vtable, export, export_free, error);
}

void
chan_dbus_service_unexport (ChanDBusBus *bus, guint id)
{
  g_dbus_connection_unregister_object (chan_dbus_bus_get_connection (bus), id);
}

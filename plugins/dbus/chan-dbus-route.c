/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-route.h"

#include <string.h>

#include <libchan-glib/chan-error.h>

#include "chan-dbus-quota.h"
#include "chan-dbus-thread.h"

/* Calls of a peer without a bus whose answers were not written yet: it has 96 under way at most, and GDBus
 * keeps answers without a bound. */
#define OWED_MAX 4096

struct _ChanDBusRouter
{
  GDBusConnection *connection; /* borrowed: it lives as long as the bus */
  guint filter_id;
  gboolean is_bus;        /* the bus reads what comes */
  guint owed;             /* GDBus's thread: answers to its calls that were not written */
  GMutex lock;            /* nothing but inboxes and GDBus's own locks are taken under it; guards: */
  GHashTable *inboxes;    /* path of a session → ChanDBusInbox */
  GHashTable *calls;      /* serial → Waiting */
  ChanDBusQuota *quota;   /* of unanswered calls */
  GPtrArray *starved;     /* of ChanDBusInbox: whose sessions may call when there are fewer */
};

/* A call that no session makes. In the plugin's thread, but for `reply`, which is there before that hears of it. */
typedef struct
{
  ChanDBusPingFunc func; /* NULL: it was too late */
  gpointer data;
  GSource *timeout;
  GDBusMessage *reply;
} Probe;

typedef struct
{
  ChanDBusInbox *inbox;
  guint64 tag;
  Probe *probe; /* or NULL */
} Waiting;

static void
probe_done (gpointer data)
{
  Probe *self = data;

  g_source_destroy (self->timeout);
  g_source_unref (self->timeout);
  if (self->func != NULL)
    self->func (self->reply, self->data);
  g_clear_object (&self->reply);
  g_free (self);
}

/* The answer still counts. */
static void
probe_late (gpointer data)
{
  Probe *self = data;
  ChanDBusPingFunc func = self->func;

  self->func = NULL;
  func (NULL, self->data);
}

static void
waiting_free (gpointer data)
{
  Waiting *self = data;

  if (self->probe != NULL)
    chan_dbus_thread_call (probe_done, self->probe);
  chan_dbus_inbox_unref (self->inbox);
  g_free (self);
}

/* --- GDBus's thread --- */

/* A reference to the session's inbox, if the sender is its peer. */
static ChanDBusInbox *
find_inbox (ChanDBusRouter *self, const char *path, const char *sender)
{
  const char *channel = strstr (path, "/channel/");
  gsize len = channel != NULL ? (gsize) (channel - path) : strlen (path);
  char session[CHAN_DBUS_PATH_SIZE];
  ChanDBusInbox *inbox;

  if (len >= sizeof session)
    return NULL;
  memcpy (session, path, len);
  session[len] = '\0';
  g_mutex_lock (&self->lock);
  inbox = g_hash_table_lookup (self->inboxes, session);
  if (inbox != NULL && (inbox->peer == NULL || g_strcmp0 (inbox->peer, sender) == 0))
    chan_dbus_inbox_ref (inbox);
  else
    inbox = NULL;
  g_mutex_unlock (&self->lock);
  return inbox;
}

/* Under the lock; an answer came, or a session went. Each of those that starve has something to say, and will be answered. */
static void
feed (ChanDBusRouter *self)
{
  guint n = chan_dbus_quota_is_unused (self->quota) ? self->starved->len : 2;

  for (guint i = 0; i < self->starved->len && n > 0;)
    {
      ChanDBusInbox *inbox = self->starved->pdata[i];

      if (!chan_dbus_quota_may_call (self->quota, inbox->debtor, inbox->n_calls))
        {
          i++;
          continue;
        }
      chan_dbus_inbox_push (inbox, (ChanDBusItem) { .kind = CHAN_DBUS_ITEM_ROOM });
      g_ptr_array_remove_index (self->starved, i);
      n--;
    }
}

/* TRUE: it was for a session, and is taken. */
static gboolean
take_call (ChanDBusRouter *self, GDBusMessage *message)
{
  const char *interface = g_dbus_message_get_interface (message);
  const char *path = g_dbus_message_get_path (message);
  ChanDBusInbox *inbox;
  gboolean taken;

  /* Others than the peer call org.libchan.Channel and .Session. */
  if (path == NULL || g_strcmp0 (interface, "org.libchan.Peer") != 0)
    return FALSE;
  inbox = find_inbox (self, path, g_dbus_message_get_sender (message));
  if (inbox == NULL)
    return FALSE;
  taken = chan_dbus_inbox_push (inbox, (ChanDBusItem) { .kind = CHAN_DBUS_ITEM_CALL, .message = message });
  chan_dbus_inbox_unref (inbox);
  return taken;
}

static gboolean
take_reply (ChanDBusRouter *self, GDBusMessage *message)
{
  gpointer serial = GUINT_TO_POINTER (g_dbus_message_get_reply_serial (message));
  Waiting *waiting = NULL;
  gpointer key;

  g_mutex_lock (&self->lock);
  if (g_hash_table_steal_extended (self->calls, serial, &key, (gpointer *) &waiting) &&
      waiting->inbox->peer != NULL && g_strcmp0 (g_dbus_message_get_sender (message), waiting->inbox->peer) != 0 &&
      g_strcmp0 (g_dbus_message_get_sender (message), "org.freedesktop.DBus") != 0)
    {
      /* Not from whom it was asked. */
      g_hash_table_insert (self->calls, serial, waiting);
      waiting = NULL;
    }
  if (waiting != NULL)
    {
      waiting->inbox->n_calls--;
      chan_dbus_quota_answer (self->quota, waiting->inbox->debtor, waiting->inbox->is_over);
      feed (self);
    }
  g_mutex_unlock (&self->lock);
  if (waiting == NULL)
    return FALSE;
  if (waiting->probe != NULL)
    waiting->probe->reply = message;
  else if (!chan_dbus_inbox_push (waiting->inbox, (ChanDBusItem) { .kind = CHAN_DBUS_ITEM_REPLY, .tag = waiting->tag, .message = message }))
    g_object_unref (message);
  waiting_free (waiting);
  return TRUE;
}

static void
see_signal (ChanDBusRouter *self, GDBusMessage *message)
{
  GVariant *body = g_dbus_message_get_body (message);
  const char *name, *before, *now;
  GHashTableIter iter;
  gpointer inbox;

  if (g_strcmp0 (g_dbus_message_get_member (message), "NameOwnerChanged") != 0 ||
      g_strcmp0 (g_dbus_message_get_sender (message), "org.freedesktop.DBus") != 0 || body == NULL ||
      !g_variant_is_of_type (body, G_VARIANT_TYPE ("(sss)")))
    return;
  g_variant_get (body, "(&s&s&s)", &name, &before, &now);
  if (*now != '\0')
    return;
  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->inboxes);
  while (g_hash_table_iter_next (&iter, NULL, &inbox))
    if (g_strcmp0 (((ChanDBusInbox *) inbox)->peer, name) == 0)
      chan_dbus_inbox_push (inbox, (ChanDBusItem) { .kind = CHAN_DBUS_ITEM_GONE });
  g_mutex_unlock (&self->lock);
}

static gboolean
is_answer (GDBusMessage *message)
{
  GDBusMessageType type = g_dbus_message_get_message_type (message);

  return type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN || type == G_DBUS_MESSAGE_TYPE_ERROR;
}

/* FALSE: it asks on and on, and reads no answer. */
static gboolean
count_owed (ChanDBusRouter *self, GDBusMessage *message, gboolean is_incoming)
{
  if (self->is_bus)
    return TRUE;
  if (!is_incoming && is_answer (message) && self->owed > 0)
    self->owed--;
  if (is_incoming && g_dbus_message_get_message_type (message) == G_DBUS_MESSAGE_TYPE_METHOD_CALL &&
      (g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0)
    self->owed++;
  return !is_incoming || self->owed <= OWED_MAX;
}

static GDBusMessage *
filter (GDBusConnection *connection, GDBusMessage *message, gboolean is_incoming, gpointer data)
{
  gboolean taken = FALSE;

  if (!count_owed (data, message, is_incoming))
    {
      g_dbus_connection_close (connection, NULL, NULL, NULL);
      g_object_unref (message);
      return NULL;
    }
  if (!is_incoming)
    return message;
  switch (g_dbus_message_get_message_type (message))
    {
    case G_DBUS_MESSAGE_TYPE_METHOD_CALL:
      taken = take_call (data, message);
      break;
    case G_DBUS_MESSAGE_TYPE_METHOD_RETURN:
    case G_DBUS_MESSAGE_TYPE_ERROR:
      taken = take_reply (data, message);
      break;
    case G_DBUS_MESSAGE_TYPE_SIGNAL:
      see_signal (data, message);
      break;
    case G_DBUS_MESSAGE_TYPE_INVALID:
    default:
      break;
    }
  return taken ? NULL : message;
}

/* --- the router --- */

static void
filter_gone (gpointer data)
{
  ChanDBusRouter *self = data;

  g_hash_table_unref (self->inboxes);
  g_hash_table_unref (self->calls);
  g_ptr_array_unref (self->starved);
  chan_dbus_quota_free (self->quota);
  g_mutex_clear (&self->lock);
  g_free (self);
}

ChanDBusRouter *
chan_dbus_router_new (GDBusConnection *connection, gboolean is_bus)
{
  ChanDBusRouter *self = g_new0 (ChanDBusRouter, 1);

  self->connection = connection;
  self->is_bus = is_bus;
  g_mutex_init (&self->lock);
  self->inboxes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) chan_dbus_inbox_unref);
  self->calls = g_hash_table_new_full (NULL, NULL, NULL, waiting_free);
  self->quota = chan_dbus_quota_new ();
  self->starved = g_ptr_array_new_with_free_func ((GDestroyNotify) chan_dbus_inbox_unref);
  self->filter_id = g_dbus_connection_add_filter (connection, filter, self, filter_gone);
  return self;
}

void
chan_dbus_router_free (ChanDBusRouter *self)
{
  g_dbus_connection_remove_filter (self->connection, self->filter_id);
}

void
chan_dbus_router_lost (ChanDBusRouter *self)
{
  GHashTableIter iter;
  gpointer inbox;

  g_mutex_lock (&self->lock);
  g_hash_table_remove_all (self->calls);
  g_hash_table_iter_init (&iter, self->inboxes);
  while (g_hash_table_iter_next (&iter, NULL, &inbox))
    chan_dbus_inbox_push (inbox, (ChanDBusItem) { .kind = CHAN_DBUS_ITEM_GONE });
  g_mutex_unlock (&self->lock);
}

/* --- routes --- */

/* That the bus tells us is all that is wanted: the filter sees it in its place. */
static void
peer_changed (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
              GVariant *parameters, gpointer data)
{
}

/* FALSE: the peer owes too much. */
static gboolean
enter (ChanDBusRouter *router, ChanDBusRoute *route)
{
  ChanDBusDebtor *debtor;

  g_mutex_lock (&router->lock);
  debtor = chan_dbus_quota_begin (router->quota, route->inbox->peer);
  if (debtor != NULL)
    {
      route->inbox->debtor = debtor;
      g_hash_table_insert (router->inboxes, g_strdup (route->path), chan_dbus_inbox_ref (route->inbox));
    }
  g_mutex_unlock (&router->lock);
  return debtor != NULL;
}

static void route_unwatch (gpointer data);

ChanDBusRoute *
chan_dbus_route_new (ChanDBusBus *bus, const char *peer, const char *base, gsize max_bytes, GError **error)
{
  static int n_sessions; /* atomic */
  ChanDBusInbox *inbox = chan_dbus_inbox_new (peer, max_bytes, error);
  ChanDBusRouter *router = chan_dbus_bus_get_router (bus);
  ChanDBusRoute *self;

  if (inbox == NULL)
    return NULL;
  self = g_new0 (ChanDBusRoute, 1);
  self->bus = chan_dbus_bus_ref (bus);
  self->inbox = inbox;
  self->path = g_strdup_printf ("%s/session/%u", base, (guint) g_atomic_int_add (&n_sessions, 1) + 1);
  if (!enter (router, self))
    {
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "Too many calls of sessions that are over have not been answered");
      chan_dbus_inbox_unref (self->inbox);
      route_unwatch (self);
      return NULL;
    }
  if (peer != NULL)
    self->watch = g_dbus_connection_signal_subscribe (router->connection, "org.freedesktop.DBus", "org.freedesktop.DBus",
                                                      "NameOwnerChanged", "/org/freedesktop/DBus", peer,
                                                      G_DBUS_SIGNAL_FLAGS_NONE, peer_changed, NULL, NULL);
  /* It may have been closed before it could tell. */
  if (g_dbus_connection_is_closed (router->connection))
    chan_dbus_inbox_push (inbox, (ChanDBusItem) { .kind = CHAN_DBUS_ITEM_GONE });
  return self;
}

static void
route_unwatch (gpointer data)
{
  ChanDBusRoute *self = data;

  if (self->watch != 0)
    g_dbus_connection_signal_unsubscribe (chan_dbus_bus_get_connection (self->bus), self->watch);
  chan_dbus_bus_unref (self->bus);
  g_free (self->path);
  g_free (self);
}

/* Calls that nobody looks at any more: unanswered they would count at the peer, and at the bus, as long as the connection lives. */
static void
refuse_rest (ChanDBusRoute *self)
{
  GQueue rest = G_QUEUE_INIT;
  ChanDBusItem *item;

  chan_dbus_inbox_close (self->inbox, &rest);
  while ((item = g_queue_pop_head (&rest)) != NULL)
    {
      if (item->kind == CHAN_DBUS_ITEM_CALL && (g_dbus_message_get_flags (item->message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0)
        chan_dbus_route_send (self, g_dbus_message_new_method_error_literal (item->message, "org.libchan.Error.Closed", "The session is over"));
      else if (item->kind == CHAN_DBUS_ITEM_LATE)
        chan_dbus_route_send (self, g_steal_pointer (&item->message));
      chan_dbus_item_free (item);
    }
}

void
chan_dbus_route_free (ChanDBusRoute *self)
{
  ChanDBusRouter *router = chan_dbus_bus_get_router (self->bus);

  refuse_rest (self);
  g_mutex_lock (&router->lock);
  g_hash_table_remove (router->inboxes, self->path);
  g_ptr_array_remove_fast (router->starved, self->inbox);
  self->inbox->is_over = TRUE;
  chan_dbus_quota_end (router->quota, self->inbox->debtor, self->inbox->n_calls);
  feed (router);
  g_mutex_unlock (&router->lock);
  chan_dbus_inbox_unref (self->inbox);
  chan_dbus_thread_call (route_unwatch, self);
}

gboolean
chan_dbus_route_may_call (ChanDBusRoute *self)
{
  ChanDBusRouter *router = chan_dbus_bus_get_router (self->bus);
  gboolean may;

  g_mutex_lock (&router->lock);
  may = chan_dbus_quota_may_call (router->quota, self->inbox->debtor, self->inbox->n_calls);
  /* Its own answers wake it. */
  if (!may && self->inbox->n_calls == 0 && !g_ptr_array_find (router->starved, self->inbox, NULL))
    g_ptr_array_add (router->starved, chan_dbus_inbox_ref (self->inbox));
  g_mutex_unlock (&router->lock);
  return may;
}

/* Takes the call, and the probe if it is sent. */
static gboolean
send_call (ChanDBusRoute *self, GDBusMessage *call, guint64 tag, Probe *probe, GError **error)
{
  ChanDBusRouter *router = chan_dbus_bus_get_router (self->bus);
  volatile guint32 serial = 0;
  Waiting *waiting;
  gboolean sent;

  /* Sending only queues; with the lock held the reply cannot come before its place is known. */
  g_mutex_lock (&router->lock);
  sent = g_dbus_connection_send_message (router->connection, call, G_DBUS_SEND_MESSAGE_FLAGS_NONE, &serial, error);
  if (sent)
    {
      waiting = g_new (Waiting, 1);
      *waiting = (Waiting) { chan_dbus_inbox_ref (self->inbox), tag, probe };
      self->inbox->n_calls++;
      chan_dbus_quota_call (router->quota, self->inbox->debtor);
      g_hash_table_insert (router->calls, GUINT_TO_POINTER (serial), waiting);
    }
  g_mutex_unlock (&router->lock);
  g_object_unref (call);
  return sent;
}

gboolean
chan_dbus_route_call (ChanDBusRoute *self, GDBusMessage *call, guint64 tag, GError **error)
{
  return send_call (self, call, tag, NULL, error);
}

gboolean
chan_dbus_route_ping (ChanDBusRoute *self, guint timeout_ms, ChanDBusPingFunc func, gpointer data, GError **error)
{
  ChanDBusRouter *router = chan_dbus_bus_get_router (self->bus);
  GDBusMessage *call;
  gboolean room;
  Probe *probe;

  g_mutex_lock (&router->lock);
  room = chan_dbus_quota_has_room (router->quota);
  g_mutex_unlock (&router->lock);
  if (!room)
    {
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "Too many calls have not been answered");
      return FALSE;
    }
  call = g_dbus_message_new_method_call (self->inbox->peer, "/org/libchan/MayICall", "org.libchan.Peer", "Ping");
  g_dbus_message_set_flags (call, G_DBUS_MESSAGE_FLAGS_NO_AUTO_START);
  probe = g_new0 (Probe, 1);
  *probe = (Probe) { func, data, chan_dbus_thread_call_after (timeout_ms, probe_late, probe), NULL };
  if (send_call (self, call, 0, probe, error))
    return TRUE;
  g_source_destroy (probe->timeout);
  g_source_unref (probe->timeout);
  g_free (probe);
  return FALSE;
}

void
chan_dbus_route_send (ChanDBusRoute *self, GDBusMessage *message)
{
  g_dbus_connection_send_message (chan_dbus_bus_get_connection (self->bus), message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
  g_object_unref (message);
}

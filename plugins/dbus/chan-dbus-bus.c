/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-bus.h"

#include <stdlib.h>
#include <unistd.h>

#include "chan-dbus-fork.h"
#include "chan-dbus-route.h"
#include "chan-dbus-thread.h"

/* What was sent last is written before the connection is closed, if that takes no longer. */
#define FLUSH_MS 2000
/* How long a connection to a peer that closed the session waits for that peer to go first. */
#define LINGER_MS 2000
#define LINGER_KEY "chan-dbus-linger"
#define FORK_KEY "chan-dbus-fork"
/* Both at the end of the process, which waits for it. */
#define EXIT_FLUSH_MS 500

struct _ChanDBusBus
{
  guint ref_count; /* under buses_lock */
  GDBusConnection *connection;
  ChanDBusRouter *router;
  gulong closed_id;
  char *key; /* in the table of shared ones, or NULL */
  gboolean is_bus;
  gint lingers; /* atomic */
};

/* A peer that writes to a connection that is closed reads no more from it, and
 * GDBus cannot close one direction: who only answered a Close waits for the
 * other to have the answer, and to leave. */
typedef struct
{
  GDBusConnection *connection; /* a reference */
  GSource *timeout;
  gulong closed_id;
} Lingering;

typedef struct
{
  char *key; /* or NULL */
  gboolean is_bus;
  ChanDBusBusFunc func;
  gpointer data;
} Connecting;

static GMutex buses_lock; /* leaf; guards: */
static GHashTable *buses; /* key → ChanDBusBus, without a reference */
static GPtrArray *all;    /* of GDBusConnection, with a reference */
static guint n_flushing;  /* at the end */
static guint n_lingering;
static GCond all_flushed; /* and gone */
static pid_t process;

static void
closed (GDBusConnection *connection, gboolean vanished, GError *error, gpointer data)
{
  chan_dbus_router_lost (((ChanDBusBus *) data)->router);
}

/* --- the end of the process --- */

static void
flushed_last (GObject *source, GAsyncResult *result, gpointer data)
{
  g_dbus_connection_flush_finish (G_DBUS_CONNECTION (source), result, NULL);
  g_mutex_lock (&buses_lock);
  if (--n_flushing == 0)
    g_cond_signal (&all_flushed);
  g_mutex_unlock (&buses_lock);
}

static void
flush_last (gpointer connection)
{
  g_dbus_connection_flush (connection, NULL, flushed_last, NULL);
}

/* GDBus writes in a thread, which ends with the process: what was said before that is still on its way. */
static void
at_exit (void)
{
  gint64 until = g_get_monotonic_time () + EXIT_FLUSH_MS * G_TIME_SPAN_MILLISECOND;

  if (getpid () != process || chan_dbus_thread_is_current ())
    return;
  g_mutex_lock (&buses_lock);
  n_flushing = all->len;
  for (guint i = 0; i < all->len; i++)
    chan_dbus_thread_call (flush_last, all->pdata[i]);
  while ((n_flushing > 0 || n_lingering > 0) && g_cond_wait_until (&all_flushed, &buses_lock, until))
    ;
  g_mutex_unlock (&buses_lock);
}

/* Who inherits the socket would keep the connection open when this process is gone. */
static void
keep_from_children (GDBusConnection *connection)
{
  GIOStream *stream = g_dbus_connection_get_stream (connection);

  if (G_IS_SOCKET_CONNECTION (stream))
    g_object_set_data (G_OBJECT (connection), FORK_KEY,
                       chan_dbus_fork_add_fd (g_socket_get_fd (g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream)))));
}

static void
remember (GDBusConnection *connection)
{
  keep_from_children (connection);
  g_mutex_lock (&buses_lock);
  if (all == NULL)
    {
      all = g_ptr_array_new_with_free_func (g_object_unref);
      process = getpid ();
      atexit (at_exit);
    }
  g_ptr_array_add (all, g_object_ref (connection));
  g_mutex_unlock (&buses_lock);
}

/* Before it is closed */
static void
forget (GDBusConnection *connection)
{
  chan_dbus_fork_remove_fd (g_object_steal_data (G_OBJECT (connection), FORK_KEY));
  g_mutex_lock (&buses_lock);
  g_ptr_array_remove_fast (all, connection);
  g_mutex_unlock (&buses_lock);
}

/* --- one connection --- */

static ChanDBusBus *
bus_new (GDBusConnection *connection, gboolean is_bus)
{
  ChanDBusBus *self = g_new0 (ChanDBusBus, 1);

  self->ref_count = 1;
  self->connection = g_object_ref (connection);
  self->is_bus = is_bus;
  self->router = chan_dbus_router_new (connection, is_bus);
  self->closed_id = g_signal_connect (connection, "closed", G_CALLBACK (closed), self);
  remember (connection);
  return self;
}

ChanDBusBus *
chan_dbus_bus_new_for_connection (GDBusConnection *connection)
{
  return bus_new (connection, FALSE);
}

ChanDBusBus *
chan_dbus_bus_ref (ChanDBusBus *self)
{
  g_mutex_lock (&buses_lock);
  self->ref_count++;
  g_mutex_unlock (&buses_lock);
  return self;
}

static void
linger_end (gpointer data)
{
  Lingering *self = data;

  g_signal_handler_disconnect (self->connection, self->closed_id);
  forget (self->connection);
  g_dbus_connection_close (self->connection, NULL, NULL, NULL);
  g_source_destroy (self->timeout);
  g_source_unref (self->timeout);
  g_object_unref (self->connection);
  g_free (self);
  g_mutex_lock (&buses_lock);
  n_lingering--;
  g_cond_signal (&all_flushed);
  g_mutex_unlock (&buses_lock);
}

static void
peer_left (GDBusConnection *connection, gboolean vanished, GError *error, gpointer data)
{
  linger_end (data);
}

static void
linger (GDBusConnection *connection)
{
  Lingering *self = g_new0 (Lingering, 1);

  g_mutex_lock (&buses_lock);
  n_lingering++;
  g_mutex_unlock (&buses_lock);
  self->connection = g_object_ref (connection);
  self->closed_id = g_signal_connect (connection, "closed", G_CALLBACK (peer_left), self);
  self->timeout = chan_dbus_thread_call_after (LINGER_MS, linger_end, self);
}

/* Ends a flush. To cancel it does not, for GDBus does not look at that while it waits; and it waits for ever if the
 * connection is lost in the moment in which the flush begins. */
static void
give_up_flush (gpointer connection)
{
  g_object_set_data (connection, LINGER_KEY, NULL);
  g_dbus_connection_close (connection, NULL, NULL, NULL);
}

/* What waits to be written to it waits in vain. */
static void
closed_meanwhile (GDBusConnection *connection, gboolean vanished, GError *error, gpointer data)
{
  give_up_flush (connection);
}

static void
flushed (GObject *source, GAsyncResult *result, gpointer data)
{
  GDBusConnection *connection = G_DBUS_CONNECTION (source);
  GSource *timeout = data;

  g_dbus_connection_flush_finish (connection, result, NULL);
  g_signal_handlers_disconnect_by_func (connection, closed_meanwhile, NULL);
  if (g_object_get_data (source, LINGER_KEY) != NULL && !g_dbus_connection_is_closed (connection))
    linger (connection);
  else
    {
      forget (connection);
      g_dbus_connection_close (connection, NULL, NULL, NULL);
    }
  g_source_destroy (timeout);
  g_source_unref (timeout);
}

static void
bus_close (gpointer data)
{
  ChanDBusBus *self = data;
  GDBusConnection *connection = self->connection;

  g_signal_handler_disconnect (connection, self->closed_id);
  chan_dbus_router_free (self->router);
  if (!g_dbus_connection_is_closed (connection))
    {
      g_object_set_data (G_OBJECT (connection), LINGER_KEY, g_atomic_int_get (&self->lingers) ? connection : NULL);
      g_signal_connect (connection, "closed", G_CALLBACK (closed_meanwhile), NULL);
      g_dbus_connection_flush (connection, NULL, flushed, chan_dbus_thread_call_after (FLUSH_MS, give_up_flush, connection));
    }
  else
    forget (connection);
  g_object_unref (connection);
  g_free (self->key);
  g_free (self);
}

void
chan_dbus_bus_unref (ChanDBusBus *self)
{
  gboolean last;

  g_mutex_lock (&buses_lock);
  last = --self->ref_count == 0;
  if (last && self->key != NULL && g_hash_table_lookup (buses, self->key) == self)
    g_hash_table_remove (buses, self->key);
  g_mutex_unlock (&buses_lock);
  if (last)
    chan_dbus_thread_call (bus_close, self);
}

void
chan_dbus_bus_linger (ChanDBusBus *self)
{
  g_atomic_int_set (&self->lingers, !self->is_bus);
}

GDBusConnection *
chan_dbus_bus_get_connection (ChanDBusBus *self)
{
  return self->connection;
}

ChanDBusRouter *
chan_dbus_bus_get_router (ChanDBusBus *self)
{
  return self->router;
}

gboolean
chan_dbus_bus_is_bus (ChanDBusBus *self)
{
  return self->is_bus;
}

/* A reference, or NULL */
static ChanDBusBus *
find_shared (const char *key)
{
  ChanDBusBus *self;

  g_mutex_lock (&buses_lock);
  self = buses != NULL ? g_hash_table_lookup (buses, key) : NULL;
  if (self != NULL && g_dbus_connection_is_closed (self->connection))
    self = NULL;
  if (self != NULL)
    self->ref_count++;
  g_mutex_unlock (&buses_lock);
  return self;
}

static void
share (ChanDBusBus *self, char *key)
{
  self->key = key;
  g_mutex_lock (&buses_lock);
  if (buses == NULL)
    buses = g_hash_table_new (g_str_hash, g_str_equal);
  g_hash_table_replace (buses, self->key, self);
  g_mutex_unlock (&buses_lock);
}

static void
connected (GObject *source, GAsyncResult *result, gpointer data)
{
  Connecting *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = g_dbus_connection_new_for_address_finish (result, &error);
  g_autoptr (ChanDBusBus) bus = NULL;

  if (connection != NULL)
    bus = bus_new (connection, self->is_bus);
  if (bus != NULL && self->key != NULL)
    share (bus, g_steal_pointer (&self->key));
  self->func (bus, error, self->data);
  g_free (self->key);
  g_free (self);
}

void
chan_dbus_bus_connect (const char *address, gboolean is_bus, gboolean shared, GCancellable *cancellable,
                       ChanDBusBusFunc func, gpointer data)
{
  g_autofree char *key = shared ? g_strconcat (is_bus ? "bus " : "peer ", address, NULL) : NULL;
  g_autoptr (ChanDBusBus) bus = key != NULL ? find_shared (key) : NULL;
  Connecting *connecting;

  if (bus != NULL)
    {
      func (bus, NULL, data);
      return;
    }
  connecting = g_new0 (Connecting, 1);
  *connecting = (Connecting) { g_steal_pointer (&key), is_bus, func, data };
  g_dbus_connection_new_for_address (address,
                                     G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                       | (is_bus ? G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION : 0),
                                     NULL, cancellable, connected, connecting);
}

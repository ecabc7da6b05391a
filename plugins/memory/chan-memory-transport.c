/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugins/memory/chan-memory-transport.h"

#include <libchan-glib/chan-listener.h>

#include "plugins/memory/chan-memory-link.h"

struct _ChanMemoryTransport
{
  GObject parent_instance;
};

static void chan_memory_transport_iface_init (ChanTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ChanMemoryTransport, chan_memory_transport, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (CHAN_TYPE_TRANSPORT, chan_memory_transport_iface_init))

/* Who listens at a name of the process. */
typedef struct
{
  gpointer address; /* of the listener, for comparing */
  GWeakRef listener;
} Place;

static GMutex places_lock; /* leaf; guards: */
static GHashTable *places; /* name → Place */

static void
place_free (gpointer data)
{
  Place *place = data;

  g_weak_ref_clear (&place->listener);
  g_free (place);
}

static const char *
name_of (ChanOperation *operation, GError **error)
{
  GUri *uri = chan_operation_get_uri (operation);
  const char *name = g_uri_get_path (uri);

  if (name != NULL && *name != '\0' && g_uri_get_host (uri) == NULL)
    return name;
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "An address inside the process is written memory:NAME");
  return NULL;
}

static ChanListener *
find_listener (const char *name)
{
  ChanListener *listener = NULL;
  Place *place;

  g_mutex_lock (&places_lock);
  place = places != NULL ? g_hash_table_lookup (places, name) : NULL;
  if (place != NULL)
    listener = g_weak_ref_get (&place->listener);
  g_mutex_unlock (&places_lock);
  return listener;
}

static gboolean
memory_open_link (ChanTransport *transport, ChanOperation *operation, GError **error)
{
  const char *name = name_of (operation, error);
  g_autoptr (ChanListener) listener = NULL;
  g_autoptr (ChanLink) client = NULL;
  g_autoptr (ChanLink) server = NULL;

  if (name == NULL)
    return FALSE;
  listener = find_listener (name);
  if (listener == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, "Cannot connect: nobody listens at memory:%s", name);
      return FALSE;
    }
  chan_memory_link_new_pair (&client, &server);
  chan_listener_deliver_link (listener, server);
  chan_operation_return_link (operation, client);
  return TRUE;
}

static gboolean
memory_listen (ChanTransport *transport, ChanListener *listener, ChanOperation *operation, GError **error)
{
  const char *name = name_of (operation, error);
  gboolean taken;

  if (name == NULL)
    return FALSE;
  g_mutex_lock (&places_lock);
  if (places == NULL)
    places = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, place_free);
  taken = g_hash_table_contains (places, name);
  if (!taken)
    {
      Place *place = g_new0 (Place, 1);

      place->address = listener;
      g_weak_ref_init (&place->listener, listener);
      g_hash_table_insert (places, g_strdup (name), place);
    }
  g_mutex_unlock (&places_lock);
  if (taken)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, "Cannot listen: memory:%s is in use", name);
      return FALSE;
    }
  chan_operation_return_done (operation);
  return TRUE;
}

static gboolean
is_place_of (gpointer name, gpointer place, gpointer listener)
{
  return ((Place *) place)->address == listener;
}

static void
memory_unlisten (ChanTransport *transport, ChanListener *listener)
{
  g_mutex_lock (&places_lock);
  if (places != NULL)
    g_hash_table_foreach_remove (places, is_place_of, listener);
  if (places != NULL && g_hash_table_size (places) == 0)
    g_clear_pointer (&places, g_hash_table_unref);
  g_mutex_unlock (&places_lock);
}

static void
chan_memory_transport_iface_init (ChanTransportInterface *iface)
{
  iface->open_link = memory_open_link;
  iface->listen = memory_listen;
  iface->unlisten = memory_unlisten;
}

static void
chan_memory_transport_class_init (ChanMemoryTransportClass *klass)
{
}

static void
chan_memory_transport_init (ChanMemoryTransport *self)
{
}

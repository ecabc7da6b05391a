/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-objects.h"

#include "chan-dbus-error.h"
#include "chan-dbus-interfaces.h"
#include "chan-dbus-thread.h"

struct _ChanDBusObjects
{
  ChanDBusBus *bus;
  char *path;
  char *peer;
  guint user;
  guint ids[2];     /* org.libchan.Session, org.libchan.Peer */
  guint channels_id;
  GMutex lock;      /* leaf; guards: */
  GHashTable *seen; /* number, as text → Seen */
};

typedef struct
{
  char *name;
  gboolean sends; /* from this end */
} Seen;

static void
seen_free (gpointer data)
{
  Seen *self = data;

  g_free (self->name);
  g_free (self);
}

/* --- the session --- */

/* Calls of the peer never come here (chan-dbus-route.c). */
static void
not_yours (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *method,
           GVariant *parameters, GDBusMethodInvocation *invocation, gpointer data)
{
  chan_dbus_return_error (invocation, CHAN_CHANNEL_ERROR_PERMISSION,
                          "This session is of two programs. Begin one by hand with org.libchan.Listener.OpenChannel");
}

static GVariant *
session_property (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *property,
                  GError **error, gpointer data)
{
  ChanDBusObjects *self = data;

  if (g_str_equal (property, "Peer"))
    return g_variant_new_string (self->peer != NULL ? self->peer : "");
  if (g_str_equal (property, "User"))
    return g_variant_new_uint32 (self->user);
  return g_variant_new_boolean (FALSE);
}

/* --- its channels --- */

static char **
enumerate (GDBusConnection *connection, const char *sender, const char *path, gpointer data)
{
  ChanDBusObjects *self = data;
  g_autoptr (GPtrArray) numbers = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer number;

  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->seen);
  while (g_hash_table_iter_next (&iter, &number, NULL))
    g_ptr_array_add (numbers, g_strdup (number));
  g_mutex_unlock (&self->lock);
  g_ptr_array_add (numbers, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&numbers), FALSE);
}

static GDBusInterfaceInfo **
introspect (GDBusConnection *connection, const char *sender, const char *path, const char *node, gpointer data)
{
  GDBusInterfaceInfo **infos;

  if (node == NULL)
    return NULL;
  infos = g_new0 (GDBusInterfaceInfo *, 2);
  infos[0] = g_dbus_interface_info_ref ((GDBusInterfaceInfo *) &org_libchan_channel_interface);
  return infos;
}

static GVariant *
channel_property (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *property,
                  GError **error, gpointer data)
{
  ChanDBusObjects *self = data;
  g_autofree char *number = g_path_get_basename (path);
  GVariant *value = NULL;
  Seen *seen;

  g_mutex_lock (&self->lock);
  seen = g_hash_table_lookup (self->seen, number);
  if (seen != NULL)
    value = g_variant_new_string (g_str_equal (property, "Name") ? seen->name : seen->sends ? "send" : "receive");
  g_mutex_unlock (&self->lock);
  if (value == NULL)
    g_set_error_literal (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT, "The channel has ended");
  return value;
}

static const GDBusInterfaceVTable *
dispatch (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *node,
          gpointer *out_data, gpointer data)
{
  static const GDBusInterfaceVTable vtable = { not_yours, channel_property, NULL };

  *out_data = data;
  return &vtable;
}

void
chan_dbus_objects_add (ChanDBusObjects *self, guint64 number, const char *name, gboolean sends)
{
  Seen *seen = g_new (Seen, 1);

  *seen = (Seen) { g_strdup (name != NULL ? name : ""), sends };
  g_mutex_lock (&self->lock);
  g_hash_table_insert (self->seen, g_strdup_printf ("%" G_GUINT64_FORMAT, number), seen);
  g_mutex_unlock (&self->lock);
}

void
chan_dbus_objects_remove (ChanDBusObjects *self, guint64 number)
{
  char text[24];

  g_snprintf (text, sizeof text, "%" G_GUINT64_FORMAT, number);
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->seen, text);
  g_mutex_unlock (&self->lock);
}

/* --- both --- */

/* The last of the objects is gone: nobody asks any more. */
static void
unregistered (gpointer data)
{
  ChanDBusObjects *self = data;

  g_hash_table_unref (self->seen);
  g_mutex_clear (&self->lock);
  chan_dbus_bus_unref (self->bus);
  g_free (self->path);
  g_free (self->peer);
  g_free (self);
}

static void
unregister (gpointer data)
{
  ChanDBusObjects *self = data;
  GDBusConnection *connection = chan_dbus_bus_get_connection (self->bus);

  for (guint i = 0; i < G_N_ELEMENTS (self->ids); i++)
    if (self->ids[i] != 0)
      g_dbus_connection_unregister_object (connection, self->ids[i]);
  if (self->channels_id != 0)
    g_dbus_connection_unregister_subtree (connection, self->channels_id);
  /* Calls that are on their way to it run before. */
  chan_dbus_thread_call (unregistered, self);
}

void
chan_dbus_objects_free (ChanDBusObjects *self)
{
  chan_dbus_thread_call (unregister, self);
}

ChanDBusObjects *
chan_dbus_objects_new (ChanDBusBus *bus, const char *path, const char *peer, guint user)
{
  static const GDBusInterfaceVTable session_vtable = { not_yours, session_property, NULL };
  static const GDBusInterfaceVTable peer_vtable = { not_yours, NULL, NULL };
  static const GDBusSubtreeVTable channels_vtable = { enumerate, introspect, dispatch };
  ChanDBusObjects *self = g_new0 (ChanDBusObjects, 1);
  GDBusConnection *connection = chan_dbus_bus_get_connection (bus);
  g_autofree char *channels = g_strconcat (path, "/channel", NULL);

  self->bus = chan_dbus_bus_ref (bus);
  self->path = g_strdup (path);
  self->peer = g_strdup (peer);
  self->user = user;
  g_mutex_init (&self->lock);
  self->seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, seen_free);
  self->ids[0] = g_dbus_connection_register_object (connection, path, (GDBusInterfaceInfo *) &org_libchan_session_interface,
                                                    &session_vtable, self, NULL, NULL);
  self->ids[1] = g_dbus_connection_register_object (connection, path, (GDBusInterfaceInfo *) &org_libchan_peer_interface,
                                                    &peer_vtable, self, NULL, NULL);
  self->channels_id = g_dbus_connection_register_subtree (connection, channels, &channels_vtable, G_DBUS_SUBTREE_FLAGS_NONE,
                                                          self, NULL, NULL);
  return self;
}

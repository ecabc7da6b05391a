/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-transport.h"

#include <string.h>

#include "chan-error.h"
#include "chan-transport-module.h"
#include "plugins/memory/chan-memory-transport.h"

/**
 * ChanTransport:
 *
 * Turns a URI into links. Transports are found by the URI's scheme: those that
 * were registered in this process, then the module `libchantransport-SCHEME.so`
 * in the transport directories. docs/new-transport.md shows how to write one.
 *
 * Since: 0.1
 */

G_DEFINE_INTERFACE (ChanTransport, chan_transport, G_TYPE_OBJECT)

/* Recursive: the load function of a module may register its transport itself. */
static GRecMutex registry_lock; /* guards: */
static GHashTable *loaded;      /* path → GTypeModule */
static GHashTable *strangers;   /* GIOExtensions that a module has under a name not its own, or taken */

static void
chan_transport_default_init (ChanTransportInterface *iface)
{
}

static GIOExtensionPoint *
extension_point (void)
{
  static gsize once = 0;

  if (g_once_init_enter (&once))
    {
      /* Without a required type: GIO would print a warning about a wrong one, here it is an error. */
      g_io_extension_point_register (CHAN_TRANSPORT_EXTENSION_POINT_NAME);
      g_io_extension_point_implement (CHAN_TRANSPORT_EXTENSION_POINT_NAME, chan_memory_transport_get_type (), "memory", 0);
      g_once_init_leave (&once, 1);
    }
  return g_io_extension_point_lookup (CHAN_TRANSPORT_EXTENSION_POINT_NAME);
}

static GIOExtension *
find_extension (const char *scheme)
{
  for (GList *l = g_io_extension_point_get_extensions (extension_point ()); l != NULL; l = l->next)
    if (g_str_equal (g_io_extension_get_name (l->data), scheme) &&
        (strangers == NULL || !g_hash_table_contains (strangers, l->data)))
      return l->data;
  return NULL;
}

/* What a module registers under names of others must not stand in for them. */
static void
adopt_extensions (GList *before, const char *name)
{
  g_autoptr (GList) now = g_list_copy (g_io_extension_point_get_extensions (extension_point ()));

  for (GList *l = now; l != NULL; l = l->next)
    {
      const char *scheme = g_io_extension_get_name (l->data);
      gboolean own = g_str_equal (chan_transport_module_name_for (scheme), name);

      if (g_list_find (before, l->data) != NULL)
        continue;
      for (GList *old = before; old != NULL && own; old = old->next)
        own = !g_str_equal (g_io_extension_get_name (old->data), scheme) || g_hash_table_contains (strangers, old->data);
      if (!own)
        g_hash_table_add (strangers, l->data);
    }
}

/* The extension for a scheme, from its module if it is not known yet. */
static GIOExtension *
load_extension (const char *scheme, GError **error)
{
  const char *name = chan_transport_module_name_for (scheme);
  g_autofree char *path = chan_transport_module_find (name, error);
  g_autoptr (GList) before = NULL;
  GIOExtension *extension;

  if (path == NULL)
    return NULL;
  if (loaded == NULL)
    {
      loaded = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      strangers = g_hash_table_new (NULL, NULL);
    }
  if (!g_hash_table_contains (loaded, path))
    {
      GTypeModule *module;

      before = g_list_copy (g_io_extension_point_get_extensions (extension_point ()));
      module = chan_transport_module_load (path, name, error);
      if (module == NULL)
        return NULL;
      g_hash_table_insert (loaded, g_strdup (path), module);
      adopt_extensions (before, name);
    }
  extension = find_extension (scheme);
  if (extension != NULL && g_type_is_a (g_io_extension_get_type (extension), CHAN_TYPE_TRANSPORT))
    return extension;
  if (extension == NULL)
    g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "%s registers no transport of that name", path);
  else
    {
      const char *type = g_type_name (g_io_extension_get_type (extension));

      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "%s registers %s, which is not a ChanTransport",
                   path, type != NULL ? type : "a type that GObject refused");
    }
  return NULL;
}

/* One message: for which scheme, what is wrong, what there is instead. */
static void
explain (GError **error, const char *scheme, const char *why)
{
  g_auto (GStrv) schemes = chan_transport_list_schemes ();
  g_autoptr (GString) others = g_string_new (NULL);

  for (char **other = schemes; *other != NULL; other++)
    if (!g_str_equal (*other, scheme))
      g_string_append_printf (others, "%s%s:", others->len > 0 ? ", " : "", *other);
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "There is no transport for “%s:”: %s; there are %s",
               scheme, why, others->str);
}

/**
 * chan_transport_new_for_scheme:
 * @scheme: the scheme of a URI
 * @error: return location for an error
 *
 * Makes the transport for a scheme, loading its module if need be. A module
 * that is missing, broken or of the wrong type is %CHAN_CHANNEL_ERROR_NO_TRANSPORT,
 * with a message that names the file, what is wrong and which schemes there are.
 *
 * Returns: (transfer full): a transport
 *
 * Since: 0.1
 */
ChanTransport *
chan_transport_new_for_scheme (const char *scheme, GError **error)
{
  GIOExtension *extension = NULL;
  g_autoptr (GError) why = NULL;

  if (!chan_transport_scheme_is_sane (scheme))
    {
      explain (error, scheme != NULL ? scheme : "", "a scheme has lower-case letters and digits");
      return NULL;
    }
  g_rec_mutex_lock (&registry_lock);
  extension = find_extension (scheme);
  if (extension == NULL || !g_type_is_a (g_io_extension_get_type (extension), CHAN_TYPE_TRANSPORT))
    extension = load_extension (scheme, &why);
  g_rec_mutex_unlock (&registry_lock);
  if (extension != NULL)
    return g_object_new (g_io_extension_get_type (extension), NULL);
  explain (error, scheme, why->message);
  return NULL;
}

/**
 * chan_transport_list_schemes:
 *
 * Lists the schemes that can be used: registered ones, and those with a module
 * in the transport directories, which are not loaded for it.
 *
 * Returns: (transfer full) (array zero-terminated=1): schemes, sorted
 *
 * Since: 0.1
 */
char **
chan_transport_list_schemes (void)
{
  g_autoptr (GTree) names = g_tree_new_full ((GCompareDataFunc) (GCallback) strcmp, NULL, g_free, NULL);
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();

  g_rec_mutex_lock (&registry_lock);
  for (GList *l = g_io_extension_point_get_extensions (extension_point ()); l != NULL; l = l->next)
    if (find_extension (g_io_extension_get_name (l->data)) == l->data &&
        g_type_is_a (g_io_extension_get_type (l->data), CHAN_TYPE_TRANSPORT))
      g_tree_insert (names, g_strdup (g_io_extension_get_name (l->data)), NULL);
  g_rec_mutex_unlock (&registry_lock);
  chan_transport_module_list (names);
  for (GTreeNode *node = g_tree_node_first (names); node != NULL; node = g_tree_node_next (node))
    g_strv_builder_add (list, g_tree_node_key (node));
  return g_strv_builder_end (list);
}

/**
 * chan_transport_register:
 * @scheme: the scheme of its URIs: lower-case letters and digits
 * @type: a type that implements [iface@Chan.Transport]; each scheme needs its own
 *
 * Registers a transport of this process.
 *
 * Returns: %TRUE if it was registered; %FALSE if the type is wrong or the
 *   scheme or the type is taken
 *
 * Since: 0.1
 */
gboolean
chan_transport_register (const char *scheme, GType type)
{
  GIOExtension *extension;
  gboolean ok = FALSE;

  g_return_val_if_fail (chan_transport_scheme_is_sane (scheme), FALSE);

  if (!g_type_is_a (type, CHAN_TYPE_TRANSPORT))
    return FALSE;
  g_rec_mutex_lock (&registry_lock);
  if (find_extension (scheme) == NULL)
    {
      extension = g_io_extension_point_implement (CHAN_TRANSPORT_EXTENSION_POINT_NAME, type, scheme, 10);
      ok = extension != NULL && g_str_equal (g_io_extension_get_name (extension), scheme);
    }
  g_rec_mutex_unlock (&registry_lock);
  return ok;
}

/* A binding returns FALSE without an error where a method raised something that is no GError, or returned nothing. */
static gboolean
fail_with_error (ChanTransport *self, const char *method, GError **why, GError **error)
{
  if (*why == NULL)
    g_set_error (why, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_FAILED, "The method %s of %s returned neither TRUE nor an error",
                 method, G_OBJECT_TYPE_NAME (self));
  g_propagate_error (error, g_steal_pointer (why));
  return FALSE;
}

/**
 * chan_transport_open_link: (virtual open_link)
 * @self: a transport
 * @operation: what to open
 * @error: return location for an error
 *
 * Begins to connect.
 *
 * Returns: %TRUE if @operation will be ended; %FALSE if it failed at once
 *
 * Since: 0.1
 */
gboolean
chan_transport_open_link (ChanTransport *self, ChanOperation *operation, GError **error)
{
  g_autoptr (GError) why = NULL;

  g_return_val_if_fail (CHAN_IS_TRANSPORT (self) && CHAN_IS_OPERATION (operation), FALSE);

  if (CHAN_TRANSPORT_GET_IFACE (self)->open_link != NULL)
    return CHAN_TRANSPORT_GET_IFACE (self)->open_link (self, operation, &why)
           || fail_with_error (self, "open_link", &why, error);
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED, "%s cannot connect", G_OBJECT_TYPE_NAME (self));
  return FALSE;
}

/**
 * chan_transport_listen: (virtual listen)
 * @self: a transport
 * @listener: what incoming links are given to
 * @operation: where to listen
 * @error: return location for an error
 *
 * Begins to listen.
 *
 * Returns: %TRUE if @operation will be ended; %FALSE if it failed at once
 *
 * Since: 0.1
 */
gboolean
chan_transport_listen (ChanTransport *self, ChanListener *listener, ChanOperation *operation, GError **error)
{
  g_autoptr (GError) why = NULL;

  g_return_val_if_fail (CHAN_IS_TRANSPORT (self) && CHAN_IS_OPERATION (operation), FALSE);

  if (CHAN_TRANSPORT_GET_IFACE (self)->listen != NULL)
    return CHAN_TRANSPORT_GET_IFACE (self)->listen (self, listener, operation, &why)
           || fail_with_error (self, "listen", &why, error);
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED, "%s cannot listen", G_OBJECT_TYPE_NAME (self));
  return FALSE;
}

/**
 * chan_transport_unlisten: (virtual unlisten)
 * @self: a transport
 * @listener: what it listens for
 *
 * Stops listening: no link is delivered any more.
 *
 * Since: 0.1
 */
void
chan_transport_unlisten (ChanTransport *self, ChanListener *listener)
{
  g_return_if_fail (CHAN_IS_TRANSPORT (self));

  if (CHAN_TRANSPORT_GET_IFACE (self)->unlisten != NULL)
    CHAN_TRANSPORT_GET_IFACE (self)->unlisten (self, listener);
}

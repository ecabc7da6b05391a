/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-transport.h"

#include <gmodule.h>
#include <string.h>
#include <sys/auxv.h>

#include "chan-error.h"
#include "plugins/memory/chan-memory-transport.h"

/**
 * ChanTransport:
 *
 * Turns a URI into links. Transports are found by the URI's scheme: those that
 * were registered in this process, then the module `libchantransport-SCHEME.so`
 * in the transport directories. docs/new-transport.md shows how to write one.
 *
 * Since: 1.0
 */

G_DEFINE_INTERFACE (ChanTransport, chan_transport, G_TYPE_OBJECT)

static GMutex registry_lock; /* guards: */

/* Schemes whose transport lives in the module of another. */
static const struct
{
  const char *scheme, *module;
} module_of[] = {
  { "tls", "tcp" },
};

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
      GIOExtensionPoint *point = g_io_extension_point_register (CHAN_TRANSPORT_EXTENSION_POINT_NAME);

      g_io_extension_point_set_required_type (point, CHAN_TYPE_TRANSPORT);
      g_io_extension_point_implement (CHAN_TRANSPORT_EXTENSION_POINT_NAME, chan_memory_transport_get_type (), "memory", 0);
      g_once_init_leave (&once, 1);
    }
  return g_io_extension_point_lookup (CHAN_TRANSPORT_EXTENSION_POINT_NAME);
}

/* CHAN_EXTRA_MODULES before, CHAN_MODULE_DIR instead of, the installed
 * directory. A setuid program takes none from its environment. */
static char **
module_dirs (void)
{
  g_autoptr (GStrvBuilder) dirs = g_strv_builder_new ();
  const char *extra = NULL, *instead = NULL;

  if (getauxval (AT_SECURE) == 0)
    {
      extra = g_getenv ("CHAN_EXTRA_MODULES");
      instead = g_getenv ("CHAN_MODULE_DIR");
    }
  if (extra != NULL)
    {
      g_auto (GStrv) parts = g_strsplit (extra, G_SEARCHPATH_SEPARATOR_S, 0);

      for (char **part = parts; *part != NULL; part++)
        if (**part != '\0')
          g_strv_builder_add (dirs, *part);
    }
  g_strv_builder_add (dirs, instead != NULL ? instead : CHAN_TRANSPORT_DIR);
  return g_strv_builder_end (dirs);
}

static char *
find_module (const char *name, const char *const *dirs)
{
  g_autofree char *base = g_strdup_printf ("libchantransport-%s.so", name);

  for (; *dirs != NULL; dirs++)
    {
      g_autofree char *path = g_build_filename (*dirs, base, NULL);

      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&path);
    }
  return NULL;
}

/* A try with plain dlopen says what is wrong, where a GIOModule prints it and goes on. */
static gboolean
check_module (const char *path, const char *name, GError **error)
{
  g_autofree char *symbol = g_strdup_printf ("g_io_chantransport_%s_load", name);
  GModule *module = g_module_open (path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  gpointer load = NULL;

  if (module == NULL)
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "Cannot load the transport module %s: %s", path, g_module_error ());
      return FALSE;
    }
  if (!g_module_symbol (module, symbol, &load))
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "%s is not a transport module: it has no %s()", path, symbol);
      g_module_close (module);
      return FALSE;
    }
  g_module_close (module);
  return TRUE;
}

static gboolean
load_module (const char *scheme, GError **error)
{
  g_auto (GStrv) dirs = module_dirs ();
  g_autofree char *path = NULL;
  const char *name = scheme;
  GIOModule *module;

  for (gsize i = 0; i < G_N_ELEMENTS (module_of); i++)
    if (g_str_equal (module_of[i].scheme, scheme))
      name = module_of[i].module;
  path = find_module (name, (const char *const *) dirs);
  if (path == NULL)
    {
      g_autofree char *where = g_strjoinv (", ", dirs);

      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "There is no transport for “%s:” (no libchantransport-%s.so in %s)", scheme, name, where);
      return FALSE;
    }
  if (!check_module (path, name, error))
    return FALSE;
  module = g_io_module_new (path);
  if (!g_type_module_use (G_TYPE_MODULE (module)))
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "Cannot load the transport module %s", path);
      return FALSE;
    }
  return TRUE;
}

static gboolean
scheme_is_sane (const char *scheme)
{
  if (scheme == NULL || *scheme == '\0')
    return FALSE;
  for (const char *c = scheme; *c != '\0'; c++)
    if (!g_ascii_islower (*c) && !g_ascii_isdigit (*c))
      return FALSE;
  return TRUE;
}

/**
 * chan_transport_new_for_scheme:
 * @scheme: the scheme of a URI
 * @error: return location for an error
 *
 * Makes the transport for a scheme, loading its module if need be. A module
 * that is missing, broken or of the wrong type is %CHAN_CHANNEL_ERROR_NO_TRANSPORT.
 *
 * Returns: (transfer full): a transport
 *
 * Since: 1.0
 */
ChanTransport *
chan_transport_new_for_scheme (const char *scheme, GError **error)
{
  GIOExtensionPoint *point = extension_point ();
  GIOExtension *extension;
  gboolean loaded = TRUE;

  if (!scheme_is_sane (scheme))
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "“%s” is not the scheme of a transport", scheme != NULL ? scheme : "");
      return NULL;
    }
  g_mutex_lock (&registry_lock);
  extension = g_io_extension_point_get_extension_by_name (point, scheme);
  if (extension == NULL)
    {
      loaded = load_module (scheme, error);
      if (loaded)
        extension = g_io_extension_point_get_extension_by_name (point, scheme);
    }
  g_mutex_unlock (&registry_lock);
  if (!loaded)
    return NULL;
  if (extension == NULL || !g_type_is_a (g_io_extension_get_type (extension), CHAN_TYPE_TRANSPORT))
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "The module for “%s:” offers no transport of that name", scheme);
      return NULL;
    }
  return g_object_new (g_io_extension_get_type (extension), NULL);
}

/**
 * chan_transport_list_schemes:
 *
 * Lists the schemes that can be used: registered ones, and those with a module
 * in the transport directories, which are not loaded for it.
 *
 * Returns: (transfer full) (array zero-terminated=1): schemes, sorted
 *
 * Since: 1.0
 */
char **
chan_transport_list_schemes (void)
{
  g_autoptr (GTree) names = g_tree_new_full ((GCompareDataFunc) (GCallback) strcmp, NULL, g_free, NULL);
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  g_auto (GStrv) dirs = module_dirs ();

  for (GList *l = g_io_extension_point_get_extensions (extension_point ()); l != NULL; l = l->next)
    g_tree_insert (names, g_strdup (g_io_extension_get_name (l->data)), NULL);
  for (char **path = dirs; *path != NULL; path++)
    {
      g_autoptr (GDir) dir = g_dir_open (*path, 0, NULL);
      const char *file;

      while (dir != NULL && (file = g_dir_read_name (dir)) != NULL)
        if (g_str_has_prefix (file, "libchantransport-") && g_str_has_suffix (file, ".so"))
          g_tree_insert (names, g_strndup (file + 17, strlen (file) - 20), NULL);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (module_of); i++)
    if (g_tree_lookup_extended (names, module_of[i].module, NULL, NULL))
      g_tree_insert (names, g_strdup (module_of[i].scheme), NULL);
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
 * Since: 1.0
 */
gboolean
chan_transport_register (const char *scheme, GType type)
{
  GIOExtension *extension;
  gboolean ok;

  g_return_val_if_fail (scheme_is_sane (scheme), FALSE);

  if (!g_type_is_a (type, CHAN_TYPE_TRANSPORT))
    return FALSE;
  extension_point ();
  g_mutex_lock (&registry_lock);
  extension = g_io_extension_point_implement (CHAN_TRANSPORT_EXTENSION_POINT_NAME, type, scheme, 10);
  ok = extension != NULL && g_str_equal (g_io_extension_get_name (extension), scheme);
  g_mutex_unlock (&registry_lock);
  return ok;
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
 * Since: 1.0
 */
gboolean
chan_transport_open_link (ChanTransport *self, ChanOperation *operation, GError **error)
{
  g_return_val_if_fail (CHAN_IS_TRANSPORT (self) && CHAN_IS_OPERATION (operation), FALSE);

  if (CHAN_TRANSPORT_GET_IFACE (self)->open_link != NULL)
    return CHAN_TRANSPORT_GET_IFACE (self)->open_link (self, operation, error);
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
 * Since: 1.0
 */
gboolean
chan_transport_listen (ChanTransport *self, ChanListener *listener, ChanOperation *operation, GError **error)
{
  g_return_val_if_fail (CHAN_IS_TRANSPORT (self) && CHAN_IS_OPERATION (operation), FALSE);

  if (CHAN_TRANSPORT_GET_IFACE (self)->listen != NULL)
    return CHAN_TRANSPORT_GET_IFACE (self)->listen (self, listener, operation, error);
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
 * Since: 1.0
 */
void
chan_transport_unlisten (ChanTransport *self, ChanListener *listener)
{
  g_return_if_fail (CHAN_IS_TRANSPORT (self));

  if (CHAN_TRANSPORT_GET_IFACE (self)->unlisten != NULL)
    CHAN_TRANSPORT_GET_IFACE (self)->unlisten (self, listener);
}

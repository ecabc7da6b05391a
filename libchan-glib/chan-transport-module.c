/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-transport-module.h"

#include <gio/gio.h>
#include <gmodule.h>
#include <string.h>
#include <sys/auxv.h>

#include "chan-error.h"

#define PREFIX "libchantransport-"
#define SUFFIX ".so"

/* Schemes whose transport lives in the module of another. */
static const struct
{
  const char *scheme, *module;
} module_of[] = {
  { "tls", "tcp" },
};

const char *
chan_transport_module_name_for (const char *scheme)
{
  for (gsize i = 0; i < G_N_ELEMENTS (module_of); i++)
    if (g_str_equal (module_of[i].scheme, scheme))
      return module_of[i].module;
  return scheme;
}

gboolean
chan_transport_scheme_is_sane (const char *scheme)
{
  if (scheme == NULL || *scheme == '\0')
    return FALSE;
  for (const char *c = scheme; *c != '\0'; c++)
    if (!g_ascii_islower (*c) && !g_ascii_isdigit (*c))
      return FALSE;
  return TRUE;
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
  g_strv_builder_add (dirs, instead != NULL && *instead != '\0' ? instead : CHAN_TRANSPORT_DIR);
  return g_strv_builder_end (dirs);
}

char *
chan_transport_module_find (const char *name, GError **error)
{
  g_auto (GStrv) dirs = module_dirs ();
  g_autofree char *base = g_strconcat (PREFIX, name, SUFFIX, NULL);
  g_autoptr (GString) where = g_string_new (NULL);

  for (char **dir = dirs; *dir != NULL; dir++)
    {
      g_autofree char *path = g_build_filename (*dir, base, NULL);

      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&path);
      g_string_append_printf (where, "%s%s%s", where->len > 0 ? ", " : "", *dir,
                              g_file_test (*dir, G_FILE_TEST_IS_DIR) ? "" : " (no such directory)");
    }
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "no %s in %s", base, where->str);
  return NULL;
}

/* GIO prints what is wrong with a module; a try beforehand says it. All its
 * symbols must be there now: a missing one would later end the process. */
static GModule *
open_module (const char *path, const char *name, GError **error)
{
  static const char *const entries[] = { "load", "unload" };
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);

  if (module == NULL)
    {
      const char *why = g_module_error ();

      /* What dlopen() says mostly begins with the file. */
      if (g_str_has_prefix (why, path))
        why += strlen (path) + strspn (why + strlen (path), ": ");
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "cannot load %s: %s", path, why);
      return NULL;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      g_autofree char *symbol = g_strdup_printf ("g_io_chantransport_%s_%s", name, entries[i]);
      gpointer entry = NULL;

      if (g_module_symbol (module, symbol, &entry) && entry != NULL)
        continue;
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "%s is not a transport module: it has no %s()", path, symbol);
      g_module_close (module);
      return NULL;
    }
  return module;
}

GTypeModule *
chan_transport_module_load (const char *path, const char *name, GError **error)
{
  GModule *module = open_module (path, name, error);
  GTypeModule *loaded;
  gboolean ok;

  if (module == NULL)
    return NULL;
  /* What was tried stays open until it is in use. */
  loaded = G_TYPE_MODULE (g_io_module_new (path));
  ok = g_type_module_use (loaded);
  g_module_close (module);
  if (ok)
    return loaded;
  g_object_unref (loaded);
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "cannot load %s", path);
  return NULL;
}

void
chan_transport_module_list (GTree *schemes)
{
  g_auto (GStrv) dirs = module_dirs ();

  for (char **path = dirs; *path != NULL; path++)
    {
      g_autoptr (GDir) dir = g_dir_open (*path, 0, NULL);
      const char *file;

      while (dir != NULL && (file = g_dir_read_name (dir)) != NULL)
        if (g_str_has_prefix (file, PREFIX) && g_str_has_suffix (file, SUFFIX))
          {
            g_autofree char *name = g_strndup (file + strlen (PREFIX), strlen (file) - strlen (PREFIX) - strlen (SUFFIX));

            if (chan_transport_scheme_is_sane (name))
              g_tree_insert (schemes, g_steal_pointer (&name), NULL);
          }
    }
  for (gsize i = 0; i < G_N_ELEMENTS (module_of); i++)
    if (g_tree_lookup_extended (schemes, module_of[i].module, NULL, NULL))
      g_tree_insert (schemes, g_strdup (module_of[i].scheme), NULL);
}

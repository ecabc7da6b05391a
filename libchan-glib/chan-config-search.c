/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-config-search.h"

#include <gio/gio.h>
#include <sys/auxv.h>

#define VARIABLE_PREFIX "CHAN_ENDPOINT_"

/* Who starts a setuid program chooses its environment, but may not choose what
 * it connects to. */
static gboolean
environment_is_trusted (void)
{
  return getauxval (AT_SECURE) == 0;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
add_drop_ins (GPtrArray *files, const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name = NULL;

  if (dir == NULL)
    return;
  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".conf") && name[0] != '.')
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    g_ptr_array_add (files, g_build_filename (folder, names->pdata[i], NULL));
}

static void
add_folder (GPtrArray *files, const char *base)
{
  g_autofree char *file = g_build_filename (base, "chan", "chan.conf", NULL);
  g_autofree char *drop_ins = g_build_filename (base, "chan", "chan.conf.d", NULL);

  /* One that exists and cannot be read is an error for the one who reads it. */
  if (g_file_test (file, G_FILE_TEST_EXISTS))
    g_ptr_array_add (files, g_steal_pointer (&file));
  add_drop_ins (files, drop_ins);
}

/* XDG lists the most important first, we want it last. */
static void
add_folders (GPtrArray *files, const char *const *bases)
{
  for (gsize i = g_strv_length ((char **) bases); i > 0; i--)
    add_folder (files, bases[i - 1]);
}

char **
chan_config_search (gboolean *required)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new ();
  const char *chosen = environment_is_trusted () ? g_getenv ("CHAN_CONFIG") : NULL;

  *required = chosen != NULL;
  if (chosen != NULL)
    {
      g_auto (GStrv) parts = g_strsplit (chosen, G_SEARCHPATH_SEPARATOR_S, -1);

      for (gsize i = 0; parts[i] != NULL; i++)
        if (parts[i][0] != '\0')
          g_ptr_array_add (files, g_strdup (parts[i]));
    }
  else if (environment_is_trusted ())
    {
      add_folders (files, g_get_system_data_dirs ());
      add_folders (files, g_get_system_config_dirs ());
      add_folder (files, g_get_user_config_dir ());
    }
  else
    add_folder (files, "/etc/xdg");
  g_ptr_array_add (files, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&files), FALSE);
}

char *
chan_config_variable (const char *endpoint)
{
  char *variable = g_strconcat (VARIABLE_PREFIX, endpoint, NULL);

  for (char *at = variable; *at != '\0'; at++)
    *at = g_ascii_isalnum (*at) ? g_ascii_toupper (*at) : '_';
  return variable;
}

const char *
chan_config_from_environment (const char *variable)
{
  const char *value = environment_is_trusted () ? g_getenv (variable) : NULL;

  return value != NULL && value[0] != '\0' ? value : NULL;
}

char **
chan_config_list_environment (void)
{
  g_auto (GStrv) variables = g_listenv ();
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (gsize i = 0; variables[i] != NULL; i++)
    if (g_str_has_prefix (variables[i], VARIABLE_PREFIX) && chan_config_from_environment (variables[i]) != NULL)
      g_ptr_array_add (names, g_ascii_strdown (variables[i] + strlen (VARIABLE_PREFIX), -1));
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
}

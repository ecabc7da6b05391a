/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libchan-glib/chan-config.h>

#include <libchan-glib/chan-error.h>

#include "chan-config-data.h"
#include "chan-config-private.h"
#include "chan-config-search.h"
#include "chan-near-names.h"
#include "chan-option-table.h"

/**
 * ChanConfig:
 *
 * Configuration files: which URI an endpoint name stands for, and options.
 *
 * Wherever the library takes a URI it also takes `@name`, the name of an
 * endpoint, so that a program can be moved to another transport by editing one
 * line. Applications rarely need this class: the library loads the configuration
 * itself, when it first needs it.
 *
 * The files are in the format of [struct@GLib.KeyFile]:
 *
 *     [Chan]
 *     ConnectTimeoutSec=10
 *     Transports=memory;tls;unix;
 *
 *     [Endpoint build]
 *     Uri=tls://build.example.org:7890
 *     Fallback=tcp://127.0.0.1:7890;
 *
 *     [Transport tls]
 *     CaFile=ca.pem
 *
 * See `docs/options.md` for the groups, the keys, and where files are looked for.
 *
 * All methods may be called from any thread.
 *
 * Since: 0.1
 */

struct _ChanConfig
{
  GObject parent_instance;
  GMutex lock; /* protects data */
  ChanConfigData *data;
};

G_DEFINE_FINAL_TYPE (ChanConfig, chan_config, G_TYPE_OBJECT)

static void
chan_config_finalize (GObject *object)
{
  ChanConfig *self = CHAN_CONFIG (object);

  chan_config_data_free (self->data);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (chan_config_parent_class)->finalize (object);
}

static void
chan_config_class_init (ChanConfigClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = chan_config_finalize;
}

static void
chan_config_init (ChanConfig *self)
{
  g_mutex_init (&self->lock);
  self->data = chan_config_data_new ();
}

/**
 * chan_config_new:
 *
 * Makes an empty configuration.
 *
 * Returns: (transfer full): a new configuration
 *
 * Since: 0.1
 */
ChanConfig *
chan_config_new (void)
{
  return g_object_new (CHAN_TYPE_CONFIG, NULL);
}

static void
take_data_locked (ChanConfig *self, ChanConfigData *data)
{
  chan_config_data_free (self->data);
  self->data = data;
}

static gboolean
check_endpoint (const ChanConfigData *data, const char *group, GError **error)
{
  const char *name = group + strlen (CHAN_CONFIG_ENDPOINT_PREFIX);
  g_autofree char *variable = chan_config_variable (name);
  const char *last = data->sources->pdata[data->sources->len - 1];

  if (g_key_file_has_key (data->keys, group, "Uri", NULL) || chan_config_from_environment (variable) != NULL)
    return TRUE;
  chan_config_set_error (error, "%s: [%s] Uri: the key is missing", last, group);
  return FALSE;
}

/* What one file need not have, since another may. */
static gboolean
check_whole (const ChanConfigData *data, GError **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (data->keys, NULL);

  for (gsize i = 0; groups[i] != NULL; i++)
    if (g_str_has_prefix (groups[i], CHAN_CONFIG_ENDPOINT_PREFIX) && !check_endpoint (data, groups[i], error))
      return FALSE;
  return TRUE;
}

/**
 * chan_config_load:
 * @self: a configuration
 * @error: return location for an error
 *
 * Loads the configuration files of the system and the user, in place of what
 * was loaded before. No file at all is fine.
 *
 * Fails with %CHAN_CHANNEL_ERROR_BAD_CONFIG, naming file, group and key; @self is
 * then unchanged.
 *
 * Returns: %TRUE if they were loaded
 *
 * Since: 0.1
 */
gboolean
chan_config_load (ChanConfig *self, GError **error)
{
  g_autoptr (ChanConfigData) data = chan_config_data_new ();
  g_autoptr (GMutexLocker) locker = NULL;
  g_auto (GStrv) files = NULL;
  gboolean required = FALSE;

  g_return_val_if_fail (CHAN_IS_CONFIG (self), FALSE);

  files = chan_config_search (&required);
  for (gsize i = 0; files[i] != NULL; i++)
    {
      g_autoptr (GError) local_error = NULL;

      if (chan_config_data_add_file (data, files[i], &local_error))
        continue;
      /* It may have gone since it was found. */
      if (!required && g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        continue;
      if (local_error->domain == CHAN_CHANNEL_ERROR)
        g_propagate_error (error, g_steal_pointer (&local_error));
      else
        g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "%s%s: %s",
                     required ? "CHAN_CONFIG: " : "", files[i], local_error->message);
      return FALSE;
    }
  if (!check_whole (data, error))
    return FALSE;
  locker = g_mutex_locker_new (&self->lock);
  take_data_locked (self, g_steal_pointer (&data));
  return TRUE;
}

/**
 * chan_config_load_file:
 * @self: a configuration
 * @path: (type filename): a file
 * @error: return location for an error
 *
 * Loads one more file, which wins over what was loaded before, key by key.
 *
 * Fails with %CHAN_CHANNEL_ERROR_BAD_CONFIG, naming file, group and key, also if
 * there is no such file; @self is then unchanged.
 *
 * Returns: %TRUE if it was loaded
 *
 * Since: 0.1
 */
gboolean
chan_config_load_file (ChanConfig *self, const char *path, GError **error)
{
  g_autoptr (ChanConfigData) data = NULL;
  g_autoptr (GMutexLocker) locker = NULL;
  g_autoptr (GError) local_error = NULL;

  g_return_val_if_fail (CHAN_IS_CONFIG (self), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  locker = g_mutex_locker_new (&self->lock);
  data = chan_config_data_copy (self->data);
  if (chan_config_data_add_file (data, path, &local_error))
    {
      take_data_locked (self, g_steal_pointer (&data));
      return TRUE;
    }
  if (local_error->domain == CHAN_CHANNEL_ERROR)
    g_propagate_error (error, g_steal_pointer (&local_error));
  else
    g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "%s: %s", path, local_error->message);
  return FALSE;
}

/* --- endpoints ------------------------------------------------------------------- */

static char **
list_endpoints_locked (ChanConfig *self)
{
  g_auto (GStrv) groups = g_key_file_get_groups (self->data->keys, NULL);
  g_auto (GStrv) variables = chan_config_list_environment ();
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (gsize i = 0; groups[i] != NULL; i++)
    if (g_str_has_prefix (groups[i], CHAN_CONFIG_ENDPOINT_PREFIX))
      {
        const char *name = groups[i] + strlen (CHAN_CONFIG_ENDPOINT_PREFIX);

        g_ptr_array_add (names, g_strdup (name));
        g_hash_table_add (known, chan_config_variable (name));
      }
  for (gsize i = 0; variables[i] != NULL; i++)
    {
      g_autofree char *variable = chan_config_variable (variables[i]);

      /* The environment may also set one that a file names. */
      if (!g_hash_table_contains (known, variable))
        g_ptr_array_add (names, g_strdup (variables[i]));
    }
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
}

/**
 * chan_config_list_endpoints:
 * @self: a configuration
 *
 * The names of the endpoints, from the files and from the environment.
 *
 * Returns: (transfer full) (array zero-terminated=1): the names, without `@`
 *
 * Since: 0.1
 */
char **
chan_config_list_endpoints (ChanConfig *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (CHAN_IS_CONFIG (self), NULL);

  locker = g_mutex_locker_new (&self->lock);
  return list_endpoints_locked (self);
}

static gboolean
fail_no_endpoint_locked (ChanConfig *self, const char *name, GError **error)
{
  g_auto (GStrv) names = list_endpoints_locked (self);
  g_autofree char *near = chan_near_names (name, (const char *const *) names);
  g_autofree char *variable = chan_config_variable (name);

  chan_config_set_error (error, "There is no endpoint “%s”: no configuration file has [Endpoint %s] with a Uri, "
                         "and %s is not set%s", name, name, variable, near);
  return FALSE;
}

/* Adds the URIs of @name to uris, without regard to Transports. */
static gboolean
find_uris_locked (ChanConfig *self, const char *name, GPtrArray *uris, GError **error)
{
  g_autofree char *group = g_strconcat (CHAN_CONFIG_ENDPOINT_PREFIX, name, NULL);
  g_autofree char *variable = chan_config_variable (name);
  const char *override = chan_config_from_environment (variable);
  g_autofree char *uri = NULL;
  g_auto (GStrv) fallbacks = NULL;

  if (!chan_config_name_is_valid (name))
    return fail_no_endpoint_locked (self, name, error);
  if (override != NULL)
    {
      g_autoptr (GUri) parsed = chan_config_parse_uri (override, error);

      if (parsed == NULL)
        g_prefix_error (error, "%s: ", variable);
      g_ptr_array_add (uris, g_strdup (override));
      return parsed != NULL;
    }
  if (!g_key_file_has_group (self->data->keys, group))
    return fail_no_endpoint_locked (self, name, error);
  uri = g_key_file_get_string (self->data->keys, group, "Uri", NULL);
  if (uri == NULL)
    return check_endpoint (self->data, group, error);
  g_ptr_array_add (uris, g_steal_pointer (&uri));
  fallbacks = g_key_file_get_string_list (self->data->keys, group, "Fallback", NULL, NULL);
  for (gsize i = 0; fallbacks != NULL && fallbacks[i] != NULL; i++)
    g_ptr_array_add (uris, g_strdup (fallbacks[i]));
  return TRUE;
}

/* Drops what Transports does not allow. FALSE: nothing is left. */
static gboolean
filter_uris_locked (ChanConfig *self, GPtrArray *uris, GError **error)
{
  g_auto (GStrv) allowed = g_key_file_get_string_list (self->data->keys, CHAN_CONFIG_GROUP, "Transports", NULL, NULL);
  g_autofree char *place = NULL;
  g_autofree char *first = g_uri_parse_scheme (uris->pdata[0]);

  if (allowed == NULL)
    return TRUE;
  for (guint i = uris->len; i > 0; i--)
    {
      g_autofree char *scheme = g_uri_parse_scheme (uris->pdata[i - 1]);

      if (!g_strv_contains ((const char *const *) allowed, scheme))
        g_ptr_array_remove_index (uris, i - 1);
    }
  if (uris->len > 0)
    return TRUE;
  place = chan_config_data_place (self->data, CHAN_CONFIG_GROUP, "Transports");
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT, "%s: “%s” is not allowed", place, first);
  return FALSE;
}

/**
 * chan_config_resolve:
 * @self: a configuration
 * @uri_or_name: a URI, or `@` and the name of an endpoint
 * @error: return location for an error
 *
 * Finds the URIs to try, in that order: for an endpoint what the environment
 * variable `CHAN_ENDPOINT_<NAME>` says, or else the keys `Uri` and `Fallback`;
 * a URI stands for itself. What the key `Transports` does not allow is left out.
 *
 * Fails with %CHAN_CHANNEL_ERROR_BAD_CONFIG if there is no such endpoint or it is
 * no URI, and with %CHAN_CHANNEL_ERROR_NO_TRANSPORT if none is allowed.
 *
 * Returns: (transfer full) (array zero-terminated=1): at least one URI, or %NULL
 *   with @error set
 *
 * Since: 0.1
 */
char **
chan_config_resolve (ChanConfig *self, const char *uri_or_name, GError **error)
{
  g_autoptr (GPtrArray) uris = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (CHAN_IS_CONFIG (self), NULL);
  g_return_val_if_fail (uri_or_name != NULL, NULL);

  locker = g_mutex_locker_new (&self->lock);
  if (uri_or_name[0] == '@')
    {
      if (!find_uris_locked (self, uri_or_name + 1, uris, error))
        return NULL;
    }
  else
    {
      g_autoptr (GUri) parsed = chan_config_parse_uri (uri_or_name, error);

      if (parsed == NULL)
        return NULL;
      g_ptr_array_add (uris, g_strdup (uri_or_name));
    }
  if (!filter_uris_locked (self, uris, error))
    return NULL;
  g_ptr_array_add (uris, NULL);
  return (char **) g_ptr_array_steal (uris, NULL);
}

/* --- options --------------------------------------------------------------------- */

/* The option keys of one group; a group that is not there has none. */
static gboolean
apply_group_locked (ChanConfig *self, ChanOptions *options, const char *group, GError **error)
{
  g_auto (GStrv) keys = g_key_file_get_keys (self->data->keys, group, NULL, NULL);

  for (gsize i = 0; keys != NULL && keys[i] != NULL; i++)
    {
      g_autofree char *value = NULL;

      if (chan_option_find (keys[i]) < 0)
        continue;
      value = g_key_file_get_string (self->data->keys, group, keys[i], error);
      if (value == NULL || !chan_options_set (options, keys[i], value, error))
        return FALSE;
    }
  return TRUE;
}

ChanOptions *
chan_config_dup_options (ChanConfig *self, const char *uri_or_name, const char *scheme, GError **error)
{
  g_autoptr (ChanOptions) options = chan_options_new ();
  g_autofree char *own_scheme = scheme != NULL ? g_strdup (scheme) : g_uri_parse_scheme (uri_or_name);
  g_autofree char *transport = g_strconcat (CHAN_CONFIG_TRANSPORT_PREFIX, own_scheme != NULL ? own_scheme : "", NULL);
  gboolean is_name = uri_or_name[0] == '@';
  g_autofree char *endpoint = g_strconcat (CHAN_CONFIG_ENDPOINT_PREFIX, is_name ? uri_or_name + 1 : "", NULL);
  g_autoptr (GMutexLocker) locker = NULL;

  locker = g_mutex_locker_new (&self->lock);
  if (!apply_group_locked (self, options, CHAN_CONFIG_GROUP, error)
      || !apply_group_locked (self, options, transport, error)
      || (is_name && !apply_group_locked (self, options, endpoint, error)))
    return NULL;
  return g_steal_pointer (&options);
}

/* --- looking at it ----------------------------------------------------------------- */

/**
 * chan_config_list_sources:
 * @self: a configuration
 *
 * The files that were loaded; where two have a key, the later one wins.
 *
 * Returns: (transfer full) (array zero-terminated=1) (element-type filename): absolute file names
 *
 * Since: 0.1
 */
char **
chan_config_list_sources (ChanConfig *self)
{
  g_autoptr (GMutexLocker) locker = NULL;
  char **sources = NULL;

  g_return_val_if_fail (CHAN_IS_CONFIG (self), NULL);

  locker = g_mutex_locker_new (&self->lock);
  sources = g_new0 (char *, self->data->sources->len + 1);
  for (guint i = 0; i < self->data->sources->len; i++)
    sources[i] = g_strdup (self->data->sources->pdata[i]);
  return sources;
}

/**
 * chan_config_to_string:
 * @self: a configuration
 *
 * All keys as one file, each below a comment that says where it comes from.
 * File names in it are absolute; the environment is not part of it.
 *
 * Returns: (transfer full): the text
 *
 * Since: 0.1
 */
char *
chan_config_to_string (ChanConfig *self)
{
  g_autoptr (GMutexLocker) locker = NULL;
  g_auto (GStrv) groups = NULL;
  GString *out = NULL;

  g_return_val_if_fail (CHAN_IS_CONFIG (self), NULL);

  locker = g_mutex_locker_new (&self->lock);
  groups = g_key_file_get_groups (self->data->keys, NULL);
  out = g_string_new (NULL);
  for (gsize i = 0; groups[i] != NULL; i++)
    {
      g_auto (GStrv) keys = g_key_file_get_keys (self->data->keys, groups[i], NULL, NULL);

      g_string_append_printf (out, "%s[%s]\n", i > 0 ? "\n" : "", groups[i]);
      for (gsize j = 0; keys[j] != NULL; j++)
        {
          g_autofree char *place = chan_config_data_place (self->data, groups[i], keys[j]);
          g_autofree char *value = g_key_file_get_value (self->data->keys, groups[i], keys[j], NULL);

          g_string_append_printf (out, "# %s\n%s=%s\n", place, keys[j], value);
        }
    }
  return g_string_free (out, FALSE);
}

/* --- the one of the process ---------------------------------------------------------- */

ChanConfig *
chan_config_dup_default (GError **error)
{
  static GMutex lock;
  static ChanConfig *loaded;
  g_autoptr (GMutexLocker) locker = NULL;
  g_autoptr (ChanConfig) config = NULL;

  locker = g_mutex_locker_new (&lock);
  if (loaded != NULL)
    return g_object_ref (loaded);
  config = chan_config_new ();
  if (!chan_config_load (config, error))
    return NULL;
  loaded = g_steal_pointer (&config);
  return g_object_ref (loaded);
}

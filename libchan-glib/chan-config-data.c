/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-config-data.h"

#include <libchan-glib/chan-error.h>
#include <libchan-glib/chan-options.h>
#include <libchan-glib/chan-transport.h>

#include "chan-near-names.h"
#include "chan-option-table.h"
#include "chan-uri-check.h"

/* --- the data --------------------------------------------------------------------- */

ChanConfigData *
chan_config_data_new (void)
{
  ChanConfigData *self = g_new0 (ChanConfigData, 1);

  self->keys = g_key_file_new ();
  self->origins = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->sources = g_ptr_array_new_with_free_func (g_free);
  return self;
}

void
chan_config_data_free (ChanConfigData *self)
{
  if (self == NULL)
    return;
  g_key_file_unref (self->keys);
  g_hash_table_unref (self->origins);
  g_ptr_array_unref (self->sources);
  g_free (self);
}

ChanConfigData *
chan_config_data_copy (const ChanConfigData *self)
{
  ChanConfigData *copy = chan_config_data_new ();
  gsize length = 0;
  g_autofree char *text = g_key_file_to_data (self->keys, &length, NULL);
  GHashTableIter iter;
  gpointer place = NULL;
  gpointer file = NULL;

  /* Our own text: it cannot fail. */
  g_key_file_load_from_data (copy->keys, text, length, G_KEY_FILE_NONE, NULL);
  g_hash_table_iter_init (&iter, self->origins);
  while (g_hash_table_iter_next (&iter, &place, &file))
    g_hash_table_insert (copy->origins, g_strdup (place), g_strdup (file));
  for (guint i = 0; i < self->sources->len; i++)
    g_ptr_array_add (copy->sources, g_strdup (self->sources->pdata[i]));
  return copy;
}

static char *
place_id (const char *group, const char *key)
{
  return g_strconcat (group, "\n", key, NULL);
}

char *
chan_config_data_place (const ChanConfigData *self, const char *group, const char *key)
{
  g_autofree char *id = place_id (group, key);
  const char *file = g_hash_table_lookup (self->origins, id);

  return g_strdup_printf ("%s: [%s] %s", file != NULL ? file : "configuration", group, key);
}

/* --- errors ------------------------------------------------------------------------- */

void
chan_config_set_error (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  g_autofree char *valid = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  valid = g_utf8_make_valid (text, -1);
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, valid);
}

/* --- values -------------------------------------------------------------------------- */

/* What is being read. */
typedef struct
{
  ChanConfigData *data;
  GKeyFile *file;
  const char *path;
  const char *group;
  const char *key;
  GError **error;
} Place;

G_GNUC_PRINTF (2, 3)
static gboolean
fail (const Place *place, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  if (place->key != NULL)
    chan_config_set_error (place->error, "%s: [%s] %s: %s", place->path, place->group, place->key, what);
  else
    chan_config_set_error (place->error, "%s: [%s]: %s", place->path, place->group, what);
  return FALSE;
}

static void
keep (const Place *place, const char *key, const char *text)
{
  g_key_file_set_string (place->data->keys, place->group, key, text);
  g_hash_table_replace (place->data->origins, place_id (place->group, key), g_strdup (place->path));
}

static gboolean
is_scheme (const char *text)
{
  for (const char *at = text; *at != '\0'; at++)
    if (!g_ascii_islower (*at) && !g_ascii_isdigit (*at))
      return FALSE;
  return g_ascii_islower (text[0]);
}

gboolean
chan_config_name_is_valid (const char *name)
{
  for (const char *at = name; *at != '\0'; at++)
    if (!g_ascii_isalnum (*at) && strchr ("-_.", *at) == NULL)
      return FALSE;
  return name[0] != '\0';
}

/* What GLib says of a text without a scheme helps nobody who wrote a host or forgot an @. */
static gboolean
check_has_scheme (const char *text, GError **error)
{
  if (strchr (text, ':') != NULL && text[0] != '@')
    return TRUE;
  if (text[0] == '@')
    chan_config_set_error (error, "“%s” is not a URI, but the name of an endpoint, which cannot stand here", text);
  else
    chan_config_set_error (error, "“%s” is not a URI: write SCHEME:ADDRESS, such as tcp://HOST:PORT or unix:/PATH, "
                           "or @NAME for an endpoint of the configuration", text);
  return FALSE;
}

GUri *
chan_config_parse_uri (const char *text, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GUri) uri = NULL;
  g_autoptr (ChanOptions) options = NULL;

  if (!check_has_scheme (text, error) || !chan_uri_check_escapes (text, error))
    return NULL;
  uri = g_uri_parse (text, G_URI_FLAGS_ENCODED, &local_error);
  if (uri == NULL)
    {
      chan_config_set_error (error, "“%s” is not a URI: %s", text, local_error->message);
      return NULL;
    }
  if (g_uri_get_fragment (uri) != NULL)
    {
      chan_config_set_error (error, "“%s”: “#%s” means nothing in an address; a # in a name is written %%23", text,
                             g_uri_get_fragment (uri));
      return NULL;
    }
  if (!is_scheme (g_uri_get_scheme (uri)))
    {
      chan_config_set_error (error, "“%s”: a scheme has small letters and digits only", text);
      return NULL;
    }
  options = chan_options_new ();
  if (!chan_options_set_from_uri (options, uri, &local_error))
    {
      chan_config_set_error (error, "“%s”: %s", text, local_error->message);
      return NULL;
    }
  return g_steal_pointer (&uri);
}

static gboolean
check_uri (const Place *place, const char *text)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GUri) uri = chan_config_parse_uri (text, &local_error);

  return uri != NULL || fail (place, "%s", local_error->message);
}

static gboolean
check_scheme (const Place *place, const char *text)
{
  return is_scheme (text) || fail (place, "“%s” is not the name of a transport", text);
}

static gboolean
add_uri (const Place *place, const char *value)
{
  if (!check_uri (place, value))
    return FALSE;
  keep (place, place->key, value);
  return TRUE;
}

/* GLib says only that it cannot be interpreted. */
static gboolean
fail_value (const Place *place, const GError *error)
{
  if (g_error_matches (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE))
    return fail (place, "after a backslash comes s, n, t, r or another backslash, in a list also a semicolon");
  return fail (place, "%s", error->message);
}

static gboolean
add_list (const Place *place, gboolean (*check) (const Place *place, const char *text))
{
  g_autoptr (GError) local_error = NULL;
  gsize length = 0;
  g_auto (GStrv) items = g_key_file_get_string_list (place->file, place->group, place->key, &length, &local_error);

  if (items == NULL || local_error != NULL)
    return fail_value (place, local_error);
  for (gsize i = 0; i < length; i++)
    if (!check (place, g_strstrip (items[i])))
      return FALSE;
  keep (place, place->key, "");
  g_key_file_set_string_list (place->data->keys, place->group, place->key, (const char *const *) items, length);
  return TRUE;
}

/* In [Chan] and [Endpoint NAME] options of several transports may stand: another Uri is then one line. */
static gboolean
check_option_scheme (const Place *place, const ChanOption *option)
{
  g_autoptr (GError) local_error = NULL;

  return !g_str_has_prefix (place->group, CHAN_CONFIG_TRANSPORT_PREFIX)
         || chan_option_check_scheme (option, place->group + strlen (CHAN_CONFIG_TRANSPORT_PREFIX), &local_error)
         || fail (place, "%s", local_error->message);
}

static gboolean
add_option (const Place *place, const ChanOption *option, const char *value)
{
  g_autofree char *folder = g_path_get_dirname (place->path);
  g_autofree char *text = NULL;
  g_autofree char *absolute = NULL;
  gint64 number = 0;

  if (!check_option_scheme (place, option))
    return FALSE;
  if (!chan_option_parse (option, value, &number, &text))
    {
      g_autofree char *allowed = chan_option_describe (option);

      return fail (place, "“%s” is not allowed; it takes %s", value, allowed);
    }
  if (option->type == CHAN_OPTION_FILE && value[0] != '\0')
    absolute = g_canonicalize_filename (value, folder);
  keep (place, option->key, absolute != NULL ? absolute : value);
  return TRUE;
}

/* --- groups --------------------------------------------------------------------------- */

static gboolean
fail_unknown_key (const Place *place, const char *own_1, const char *own_2)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *near = NULL;

  g_ptr_array_add (names, (char *) own_1);
  if (own_2 != NULL)
    g_ptr_array_add (names, (char *) own_2);
  for (guint i = 0; i < chan_n_options; i++)
    g_ptr_array_add (names, (char *) chan_option_table[i].key);
  g_ptr_array_add (names, NULL);
  near = chan_near_names (place->key, (const char *const *) names->pdata);
  return fail (place, "there is no such key%s", near);
}

/* GLib takes it for an error too, but with a warning if it is the second one of the line. */
static gboolean
ends_in_escape (const char *raw)
{
  gsize n = 0;

  for (gsize length = strlen (raw); n < length && raw[length - 1 - n] == '\\'; n++)
    ;
  return n % 2 == 1;
}

static gboolean
check_end (const Place *place)
{
  g_autofree char *raw = g_key_file_get_value (place->file, place->group, place->key, NULL);

  return raw == NULL || !ends_in_escape (raw) || fail (place, "there is a backslash at the end of the line");
}

/* NULL: it is not a string, and the error is set. */
static char *
read_string (const Place *place)
{
  g_autoptr (GError) local_error = NULL;
  g_autofree char *value = g_key_file_get_string (place->file, place->group, place->key, &local_error);

  /* With a wrong escape there are both. */
  if (value != NULL && local_error == NULL)
    return g_steal_pointer (&value);
  fail_value (place, local_error);
  return NULL;
}

static gboolean
add_key (const Place *place)
{
  g_autofree char *value = NULL;
  gboolean is_main = g_str_equal (place->group, CHAN_CONFIG_GROUP);
  gboolean is_endpoint = g_str_has_prefix (place->group, CHAN_CONFIG_ENDPOINT_PREFIX);
  int i = chan_option_find (place->key);

  if (!check_end (place))
    return FALSE;
  if (is_main && g_str_equal (place->key, "Transports"))
    return add_list (place, check_scheme);
  if (is_endpoint && g_str_equal (place->key, "Fallback"))
    return add_list (place, check_uri);
  value = read_string (place);
  if (value == NULL)
    return FALSE;
  if (is_endpoint && g_str_equal (place->key, "Uri"))
    return add_uri (place, value);
  if (i >= 0)
    return add_option (place, &chan_option_table[i], value);
  return fail_unknown_key (place, is_endpoint ? "Uri" : "Transports", is_endpoint ? "Fallback" : NULL);
}

/* A mistake in the name must not switch off what the group demands, such as certificates of clients. */
static gboolean
check_transport (const Place *place, const char *scheme)
{
  g_auto (GStrv) schemes = NULL;
  g_autofree char *near = NULL;
  g_autofree char *list = NULL;

  if (!is_scheme (scheme))
    return fail (place, "the name of a transport has small letters and digits only");
  if (chan_scheme_is_own (scheme))
    return TRUE;
  schemes = chan_transport_list_schemes ();
  if (g_strv_contains ((const char *const *) schemes, scheme))
    return TRUE;
  near = chan_near_names (scheme, (const char *const *) schemes);
  list = g_strjoinv (", ", schemes);
  return fail (place, "there is no such transport%s; there are %s", near, list);
}

static gboolean
check_group (const Place *place)
{
  if (g_str_equal (place->group, CHAN_CONFIG_GROUP))
    return TRUE;
  if (g_str_has_prefix (place->group, CHAN_CONFIG_ENDPOINT_PREFIX))
    return chan_config_name_is_valid (place->group + strlen (CHAN_CONFIG_ENDPOINT_PREFIX))
           || fail (place, "the name of an endpoint has letters, digits, dash, dot and underscore only");
  if (g_str_has_prefix (place->group, CHAN_CONFIG_TRANSPORT_PREFIX))
    return check_transport (place, place->group + strlen (CHAN_CONFIG_TRANSPORT_PREFIX));
  return fail (place, "there is no such group; there are [Chan], [Endpoint NAME], [Transport NAME] and [X-ANYTHING]");
}

static gboolean
add_group (Place *place)
{
  g_auto (GStrv) keys = NULL;

  place->key = NULL;
  if (g_str_has_prefix (place->group, "X-"))
    return TRUE;
  if (!check_group (place))
    return FALSE;
  keys = g_key_file_get_keys (place->file, place->group, NULL, NULL);
  for (gsize i = 0; keys[i] != NULL; i++)
    {
      place->key = keys[i];
      if (!add_key (place))
        return FALSE;
    }
  return TRUE;
}

/* --- files ------------------------------------------------------------------------------ */

static gboolean
add_text (ChanConfigData *self, const char *path, const char *text, gsize length, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) local_error = NULL;
  g_auto (GStrv) groups = NULL;
  Place place = { .data = self, .file = file, .path = path, .error = error };

  /* Else GKeyFile would drop a key like Uri[de] without a word. */
  if (!g_key_file_load_from_data (file, text, length, G_KEY_FILE_KEEP_TRANSLATIONS, &local_error))
    {
      chan_config_set_error (error, "%s: %s", path, local_error->message);
      return FALSE;
    }
  groups = g_key_file_get_groups (file, NULL);
  for (gsize i = 0; groups[i] != NULL; i++)
    {
      place.group = groups[i];
      if (!add_group (&place))
        return FALSE;
    }
  return TRUE;
}

gboolean
chan_config_data_add_file (ChanConfigData *self, const char *path, GError **error)
{
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  g_autofree char *text = NULL;
  gsize length = 0;

  if (!g_file_get_contents (absolute, &text, &length, error) || !add_text (self, absolute, text, length, error))
    return FALSE;
  g_ptr_array_add (self->sources, g_steal_pointer (&absolute));
  return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libchan-glib/chan-options.h>

#include <libchan-glib/chan-error.h>

#include "chan-near-names.h"
#include "chan-option-table.h"
#include "chan-options-private.h"

/**
 * ChanOptions:
 *
 * The options of a session or a listener: limits, timeouts, TLS.
 *
 * Each option has one name with two spellings that are accepted everywhere:
 * `ca-file` in URIs and in code, `CaFile` in configuration files. All options,
 * their defaults and what they allow are listed in `docs/options.md`.
 *
 * An object is set up in one thread; what uses it takes a copy, so that a later
 * change has no effect on sessions that exist.
 *
 * Since: 0.1
 */

typedef struct
{
  gboolean is_set;
  gint64 value; /* of the int types */
  char *text;   /* of the string types; NULL: the default */
} Slot;

struct _ChanOptions
{
  GObject parent_instance;
  Slot *slots; /* one for each row of the table */
};

G_DEFINE_FINAL_TYPE (ChanOptions, chan_options, G_TYPE_OBJECT)

static void
chan_options_finalize (GObject *object)
{
  ChanOptions *self = CHAN_OPTIONS (object);

  for (guint i = 0; i < chan_n_options; i++)
    g_free (self->slots[i].text);
  g_free (self->slots);
  G_OBJECT_CLASS (chan_options_parent_class)->finalize (object);
}

static void
chan_options_class_init (ChanOptionsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = chan_options_finalize;
}

static void
chan_options_init (ChanOptions *self)
{
  self->slots = g_new0 (Slot, chan_n_options);
  for (guint i = 0; i < chan_n_options; i++)
    self->slots[i].value = chan_option_table[i].value;
}

/**
 * chan_options_new:
 *
 * Makes options that all have their default.
 *
 * Returns: (transfer full): new options
 *
 * Since: 0.1
 */
ChanOptions *
chan_options_new (void)
{
  return g_object_new (CHAN_TYPE_OPTIONS, NULL);
}

/**
 * chan_options_copy:
 * @self: options
 *
 * Makes options of their own with the same values.
 *
 * Returns: (transfer full): new options
 *
 * Since: 0.1
 */
ChanOptions *
chan_options_copy (ChanOptions *self)
{
  ChanOptions *copy = NULL;

  g_return_val_if_fail (CHAN_IS_OPTIONS (self), NULL);

  copy = chan_options_new ();
  for (guint i = 0; i < chan_n_options; i++)
    {
      copy->slots[i] = self->slots[i];
      copy->slots[i].text = g_strdup (self->slots[i].text);
    }
  return copy;
}

/**
 * chan_options_list_names:
 *
 * The names of all options, as they are written in URIs.
 *
 * Returns: (transfer full) (array zero-terminated=1): the names
 *
 * Since: 0.1
 */
char **
chan_options_list_names (void)
{
  char **names = g_new0 (char *, chan_n_options + 1);

  for (guint i = 0; i < chan_n_options; i++)
    names[i] = g_strdup (chan_option_table[i].name);
  return names;
}

static gboolean
fail_unknown (const char *name, GError **error)
{
  g_auto (GStrv) names = chan_options_list_names ();
  g_autofree char *valid = g_utf8_make_valid (name, -1);
  g_autofree char *near = chan_near_names (name, (const char *const *) names);

  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "There is no option “%s”%s", valid, near);
  return FALSE;
}

/**
 * chan_options_set:
 * @self: options
 * @name: an option, as in a URI or as in a configuration file
 * @value: the value, as in a URI or in a configuration file
 * @error: return location for an error
 *
 * Sets one option.
 *
 * Fails with %CHAN_CHANNEL_ERROR_BAD_CONFIG if there is no such option, or if it
 * does not allow the value; @self is then unchanged.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
chan_options_set (ChanOptions *self, const char *name, const char *value, GError **error)
{
  const ChanOption *option = NULL;
  g_autofree char *allowed = NULL;
  g_autofree char *valid = NULL;
  gint64 number = 0;
  char *text = NULL;
  int i = 0;

  g_return_val_if_fail (CHAN_IS_OPTIONS (self), FALSE);
  g_return_val_if_fail (name != NULL, FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  i = chan_option_find (name);
  if (i < 0)
    return fail_unknown (name, error);
  option = &chan_option_table[i];
  if (chan_option_parse (option, value, &number, &text))
    {
      g_free (self->slots[i].text);
      self->slots[i] = (Slot){ .is_set = TRUE, .value = number, .text = text };
      return TRUE;
    }
  allowed = chan_option_describe (option);
  valid = g_utf8_make_valid (value, -1);
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "%s: “%s” is not allowed; it takes %s", name,
               valid, allowed);
  return FALSE;
}

/* seen: one flag for each row of the table. */
static gboolean
set_parameter (ChanOptions *self, gboolean *seen, const char *scheme, const char *name, const char *value, GError **error)
{
  int i = chan_option_find (name);


  if (i >= 0 && chan_option_table[i].secret)
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG,
                   "%s cannot be given in a URI, which others may see: set %s in a configuration file", name,
                   chan_option_table[i].key);
      return FALSE;
    }
  if (i >= 0 && seen[i])
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "%s is given twice", name);
      return FALSE;
    }
  if (i >= 0 && !chan_option_check_scheme (&chan_option_table[i], scheme, error))
    return FALSE;
  if (i >= 0)
    seen[i] = TRUE;
  return chan_options_set (self, name, value, error);
}

static gboolean
set_parameters (ChanOptions *self, const char *scheme, const char *query, GError **error)
{
  g_autofree gboolean *seen = g_new0 (gboolean, chan_n_options);
  g_autoptr (GError) local_error = NULL;
  GUriParamsIter iter;
  char *name = NULL;
  char *value = NULL;

  g_uri_params_iter_init (&iter, query, -1, "&", G_URI_PARAMS_NONE);
  while (g_uri_params_iter_next (&iter, &name, &value, &local_error))
    {
      g_autofree char *owned_name = name;
      g_autofree char *owned_value = value;

      if (!set_parameter (self, seen, scheme, owned_name, owned_value, error))
        return FALSE;
    }
  if (local_error == NULL)
    return TRUE;
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "URI parameters “%s”: %s", query, local_error->message);
  return FALSE;
}

/* The query as it stands in the URI. Without G_URI_FLAGS_ENCODED_QUERY, GLib has
 * decoded it once, and would do so again for each parameter. */
static char *
dup_encoded_query (GUri *uri)
{
  const char *query = g_uri_get_query (uri);
  GString *encoded = NULL;

  if (query == NULL)
    return NULL;
  encoded = g_string_new (query);
  if ((g_uri_get_flags (uri) & (G_URI_FLAGS_ENCODED_QUERY | G_URI_FLAGS_ENCODED)) == 0)
    g_string_replace (encoded, "%", "%25", 0);
  return g_string_free (encoded, FALSE);
}

/**
 * chan_options_set_from_uri:
 * @self: options
 * @uri: a URI; best parsed with %G_URI_FLAGS_ENCODED_QUERY, else a value cannot
 *   hold an ampersand
 * @error: return location for an error
 *
 * Sets the options that are named in the query of a URI.
 *
 * Fails with %CHAN_CHANNEL_ERROR_BAD_CONFIG for an unknown parameter, one that
 * occurs twice, an option that the scheme does not have, a value that is not
 * allowed, and for a private key; @self is then unchanged.
 *
 * Returns: %TRUE if all were set
 *
 * Since: 0.1
 */
gboolean
chan_options_set_from_uri (ChanOptions *self, GUri *uri, GError **error)
{
  g_autofree char *query = NULL;
  g_autoptr (ChanOptions) changed = NULL;
  Slot *slots = NULL;

  g_return_val_if_fail (CHAN_IS_OPTIONS (self), FALSE);
  g_return_val_if_fail (uri != NULL, FALSE);

  query = dup_encoded_query (uri);
  if (query == NULL)
    return TRUE;
  changed = chan_options_copy (self);
  if (!set_parameters (changed, g_uri_get_scheme (uri), query, error))
    return FALSE;
  /* All or nothing: the old values go with the copy. */
  slots = g_steal_pointer (&self->slots);
  self->slots = g_steal_pointer (&changed->slots);
  changed->slots = slots;
  return TRUE;
}

/* --- reading ------------------------------------------------------------------- */

static gboolean
is_int (ChanOptionType type)
{
  return type == CHAN_OPTION_INT || type == CHAN_OPTION_OCTAL || type == CHAN_OPTION_BOOLEAN;
}

/**
 * chan_options_get_int:
 * @self: options
 * @name: an option whose value is a number; another name is a programming error
 *
 * Reads a number, in the unit that `docs/options.md` gives.
 *
 * Returns: the value, or its default
 *
 * Since: 0.1
 */
gint64
chan_options_get_int (ChanOptions *self, const char *name)
{
  int i = 0;

  g_return_val_if_fail (CHAN_IS_OPTIONS (self), 0);
  g_return_val_if_fail (name != NULL, 0);
  i = chan_option_find (name);
  g_return_val_if_fail (i >= 0 && is_int (chan_option_table[i].type), 0);

  return self->slots[i].value;
}

/**
 * chan_options_get_boolean:
 * @self: options
 * @name: an option that is on or off; another name is a programming error
 *
 * Reads an option that is on or off.
 *
 * Returns: the value, or its default
 *
 * Since: 0.1
 */
gboolean
chan_options_get_boolean (ChanOptions *self, const char *name)
{
  int i = 0;

  g_return_val_if_fail (CHAN_IS_OPTIONS (self), FALSE);
  g_return_val_if_fail (name != NULL, FALSE);
  i = chan_option_find (name);
  g_return_val_if_fail (i >= 0 && chan_option_table[i].type == CHAN_OPTION_BOOLEAN, FALSE);

  return self->slots[i].value != 0;
}

/**
 * chan_options_get_string:
 * @self: options
 * @name: an option whose value is text; another name is a programming error
 *
 * Reads text: a name, a choice, a file, a list with commas.
 *
 * Returns: (transfer none): the value or its default, which may be empty; valid
 *   until the option is set again
 *
 * Since: 0.1
 */
const char *
chan_options_get_string (ChanOptions *self, const char *name)
{
  int i = 0;

  g_return_val_if_fail (CHAN_IS_OPTIONS (self), "");
  g_return_val_if_fail (name != NULL, "");
  i = chan_option_find (name);
  g_return_val_if_fail (i >= 0 && !is_int (chan_option_table[i].type), "");

  return self->slots[i].text != NULL ? self->slots[i].text : chan_option_table[i].text;
}

/**
 * chan_options_is_set:
 * @self: options
 * @name: an option; an unknown name is a programming error
 *
 * Whether an option was set, if only to its default.
 *
 * Returns: %TRUE if it was set
 *
 * Since: 0.1
 */
gboolean
chan_options_is_set (ChanOptions *self, const char *name)
{
  int i = 0;

  g_return_val_if_fail (CHAN_IS_OPTIONS (self), FALSE);
  g_return_val_if_fail (name != NULL, FALSE);
  i = chan_option_find (name);
  g_return_val_if_fail (i >= 0, FALSE);

  return self->slots[i].is_set;
}

/* --- limits -------------------------------------------------------------------- */

static guint32
limit (ChanOptions *self, const char *name)
{
  return (guint32) chan_options_get_int (self, name);
}

void
chan_options_get_limits (ChanOptions *self, ChanLimits *ret_limits)
{
  *ret_limits = chan_limits_default;
  ret_limits->message_bytes = limit (self, "max-message-bytes");
  /* A message may always take four times its encoded size, as by default. */
  ret_limits->message_memory = (guint32) MIN (4 * (guint64) ret_limits->message_bytes, G_MAXUINT32);
  ret_limits->message_nodes = limit (self, "max-message-nodes");
  ret_limits->message_depth = limit (self, "max-message-depth");
  ret_limits->message_handles = limit (self, "max-message-handles");
  ret_limits->message_fds = limit (self, "message-fds");
  ret_limits->session_fds = limit (self, "session-fds");
  ret_limits->peer_streams = limit (self, "max-streams");
  ret_limits->unclaimed_streams = ret_limits->peer_streams;
  ret_limits->stream_window = limit (self, "stream-window");
  ret_limits->stream_window_max = MAX (limit (self, "stream-window-max"), ret_limits->stream_window);
  ret_limits->session_window = limit (self, "session-window");
  ret_limits->unread_bytes = limit (self, "max-unread-bytes");
  ret_limits->queue_bytes = limit (self, "queue-bytes");
  ret_limits->output_high_water = limit (self, "output-high-water");
}

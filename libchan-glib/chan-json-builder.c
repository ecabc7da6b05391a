/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-json-builder.h"

#include <math.h>

#include <libchan-glib/chan-error.h>

/* GVariant reads back 128 levels, and what lies deeper silently turns into ();
 * the msgpack dialects take 120. An object is three levels (array, entry,
 * variant), an array two; two are left for what is innermost (ay, mv). */
#define OBJECT_DEPTH 3
#define ARRAY_DEPTH 2
#define DEPTH_MAX 118

gboolean
chan_json_builder_fail (ChanJsonBuilder *self, const char *what, const char *which)
{
  g_set_error (self->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "JSON: %s: %s", what, which);
  return FALSE;
}

gboolean
chan_json_builder_push (ChanJsonBuilder *self, GVariant *value)
{
  g_ptr_array_add (self->stack, g_variant_ref_sink (value));
  return TRUE;
}

/* --- tags ---------------------------------------------------------------------- */

static gboolean
push_handle (ChanJsonBuilder *self, GVariant *value)
{
  gint64 index = 0;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return chan_json_builder_fail (self, "$handle", "a whole number was expected");
  index = g_variant_get_int64 (value);
  if (index < 0 || (guint64) index >= self->n_handles)
    {
      g_set_error (self->error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE,
                   "JSON: there is no handle %" G_GINT64_FORMAT " (of %" G_GSIZE_FORMAT ")", index, self->n_handles);
      return FALSE;
    }
  return chan_json_builder_push (self, g_variant_new_handle ((gint32) index));
}

/* GLib's decoder skips what is not base64; a typing error should not. */
static gboolean
is_base64 (const char *text)
{
  gsize length = strlen (text);
  gsize n_digits = length;

  while (n_digits > 0 && length - n_digits < 2 && text[n_digits - 1] == '=')
    n_digits--;
  for (gsize i = 0; i < n_digits; i++)
    if (!g_ascii_isalnum (text[i]) && text[i] != '+' && text[i] != '/')
      return FALSE;
  return length % 4 == 0;
}

static gboolean
push_bytes (ChanJsonBuilder *self, GVariant *value)
{
  const char *text = NULL;
  guchar *data = NULL;
  gsize length = 0;
  g_autoptr (GBytes) bytes = NULL;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return chan_json_builder_fail (self, "$bytes", "a string was expected");
  text = g_variant_get_string (value, NULL);
  if (!is_base64 (text))
    return chan_json_builder_fail (self, "$bytes", "not base64");
  data = g_base64_decode (text, &length);
  bytes = g_bytes_new_take (data, length);
  return chan_json_builder_push (self, g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE));
}

static gboolean
push_int (ChanJsonBuilder *self, GVariant *value)
{
  const char *text = NULL;
  gint64 number = 0;
  guint64 large = 0;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return chan_json_builder_fail (self, "$int", "a string was expected");
  text = g_variant_get_string (value, NULL);
  if (g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, &number, NULL))
    return chan_json_builder_push (self, g_variant_new_int64 (number));
  if (g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, &large, NULL))
    return chan_json_builder_push (self, g_variant_new_uint64 (large));
  return chan_json_builder_fail (self, "$int", "not a whole number of 64 bits");
}

static gboolean
push_double (ChanJsonBuilder *self, GVariant *value)
{
  const char *text = g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ? g_variant_get_string (value, NULL) : "";

  if (g_str_equal (text, "nan"))
    return chan_json_builder_push (self, g_variant_new_double (NAN));
  if (g_str_equal (text, "inf"))
    return chan_json_builder_push (self, g_variant_new_double (INFINITY));
  if (g_str_equal (text, "-inf"))
    return chan_json_builder_push (self, g_variant_new_double (-INFINITY));
  return chan_json_builder_fail (self, "$double", "nan, inf or -inf was expected");
}

typedef struct
{
  const char *name;
  gboolean (*push) (ChanJsonBuilder *self, GVariant *value);
} Tag;

static const Tag tags[] = {
  { "$handle", push_handle },
  { "$bytes", push_bytes },
  { "$int", push_int },
  { "$double", push_double },
};

static gboolean
is_tag (const char *key)
{
  return key[0] == '$' && key[1] != '$';
}

/* Replaces the one member on the stack by what it says. */
static gboolean
apply_tag (ChanJsonBuilder *self, guint mark)
{
  g_autoptr (GVariant) key = g_variant_ref (self->stack->pdata[mark]);
  g_autoptr (GVariant) value = g_variant_ref (self->stack->pdata[mark + 1]);
  const char *name = g_variant_get_string (key, NULL);

  g_ptr_array_set_size (self->stack, (int) mark);
  self->depth -= OBJECT_DEPTH;
  for (gsize i = 0; i < G_N_ELEMENTS (tags); i++)
    if (g_str_equal (name, tags[i].name))
      return tags[i].push (self, value);
  return chan_json_builder_fail (self, "unknown tag (a key that starts with $ is written with $$)", name);
}

/* --- lists --------------------------------------------------------------------- */

static gboolean
begin (ChanJsonBuilder *self, guint depth, guint *mark)
{
  if (self->depth + depth > DEPTH_MAX)
    {
      g_set_error_literal (self->error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX,
                           "JSON is nested deeper than a message can hold");
      return FALSE;
    }
  self->depth += depth;
  *mark = self->stack->len;
  return TRUE;
}

gboolean
chan_json_builder_begin_object (ChanJsonBuilder *self, guint *mark)
{
  return begin (self, OBJECT_DEPTH, mark);
}

gboolean
chan_json_builder_begin_array (ChanJsonBuilder *self, guint *mark)
{
  return begin (self, ARRAY_DEPTH, mark);
}

static int
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* By sorting, not by hashing: whoever wrote the text chose the keys. */
static gboolean
check_keys (ChanJsonBuilder *self, guint mark)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();

  for (guint i = mark; i < self->stack->len; i += 2)
    g_ptr_array_add (keys, (char *) g_variant_get_string (self->stack->pdata[i], NULL));
  g_ptr_array_sort (keys, compare_strings);
  for (guint i = 0; i < keys->len; i++)
    {
      if (is_tag (keys->pdata[i]))
        return chan_json_builder_fail (self, "a tag is the only key of its object (a key that starts with $ is written with $$)",
                    keys->pdata[i]);
      if (i > 0 && g_str_equal (keys->pdata[i - 1], keys->pdata[i]))
        return chan_json_builder_fail (self, "key occurs twice", keys->pdata[i]);
    }
  return TRUE;
}

static GVariant *
new_entry (GVariant *key, GVariant *value)
{
  const char *name = g_variant_get_string (key, NULL);

  if (name[0] == '$')
    key = g_variant_new_string (name + 1);
  return g_variant_new_dict_entry (key, g_variant_new_variant (value));
}

gboolean
chan_json_builder_end_object (ChanJsonBuilder *self, guint mark)
{
  guint n_members = (self->stack->len - mark) / 2;
  g_autofree GVariant **entries = NULL;
  GVariant *object = NULL;

  if (n_members == 1 && is_tag (g_variant_get_string (self->stack->pdata[mark], NULL)))
    return apply_tag (self, mark);
  if (!check_keys (self, mark))
    return FALSE;
  entries = g_new (GVariant *, n_members);
  for (guint i = 0; i < n_members; i++)
    entries[i] = new_entry (self->stack->pdata[mark + 2 * i], self->stack->pdata[mark + 2 * i + 1]);
  object = g_variant_new_array (G_VARIANT_TYPE ("{sv}"), entries, n_members);
  g_ptr_array_set_size (self->stack, (int) mark);
  self->depth -= OBJECT_DEPTH;
  return chan_json_builder_push (self, object);
}

gboolean
chan_json_builder_end_array (ChanJsonBuilder *self, guint mark)
{
  guint n_items = self->stack->len - mark;
  g_autofree GVariant **items = g_new (GVariant *, n_items);
  GVariant *array = NULL;

  for (guint i = 0; i < n_items; i++)
    items[i] = g_variant_new_variant (self->stack->pdata[mark + i]);
  array = g_variant_new_array (G_VARIANT_TYPE_VARIANT, items, n_items);
  g_ptr_array_set_size (self->stack, (int) mark);
  self->depth -= ARRAY_DEPTH;
  return chan_json_builder_push (self, array);
}

/* --- the whole ----------------------------------------------------------------- */

void
chan_json_builder_init (ChanJsonBuilder *self, gsize n_handles, GError **error)
{
  *self = (ChanJsonBuilder){ .n_handles = n_handles, .error = error };
  self->stack = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
}

GVariant *
chan_json_builder_end (ChanJsonBuilder *self, gboolean complete)
{
  GVariant *value = complete ? g_variant_ref (self->stack->pdata[0]) : NULL;

  g_clear_pointer (&self->stack, g_ptr_array_unref);
  return value;
}

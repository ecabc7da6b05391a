/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-json-writer.h"

#include <math.h>

/* Beyond this, a reader that keeps numbers as doubles would round. */
#define JSON_EXACT_MAX (G_GINT64_CONSTANT (1) << 53)

static void
write_escape (GString *out, guchar c)
{
  static const char named[][2] = { { '"', '"' },  { '\\', '\\' }, { '\b', 'b' }, { '\f', 'f' },
                                   { '\n', 'n' }, { '\r', 'r' },  { '\t', 't' } };

  for (gsize i = 0; i < G_N_ELEMENTS (named); i++)
    if (c == (guchar) named[i][0])
      {
        g_string_append_c (out, '\\');
        g_string_append_c (out, named[i][1]);
        return;
      }
  g_string_append_printf (out, "\\u%04x", c);
}

static void
write_characters (GString *out, const char *text)
{
  const char *run = text;
  const char *at = text;

  for (; *at != '\0'; at++)
    {
      if ((guchar) *at >= 0x20 && *at != '"' && *at != '\\')
        continue;
      g_string_append_len (out, run, at - run);
      write_escape (out, (guchar) *at);
      run = at + 1;
    }
  g_string_append_len (out, run, at - run);
}

static void
write_string (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  write_characters (out, text);
  g_string_append_c (out, '"');
}

static void
write_int (GString *out, gint64 number)
{
  gboolean exact = number >= -JSON_EXACT_MAX && number <= JSON_EXACT_MAX;

  g_string_append_printf (out, exact ? "%" G_GINT64_FORMAT : "{\"$int\":\"%" G_GINT64_FORMAT "\"}", number);
}

static void
write_uint (GString *out, guint64 number)
{
  if (number <= G_MAXINT64)
    write_int (out, (gint64) number);
  else
    g_string_append_printf (out, "{\"$int\":\"%" G_GUINT64_FORMAT "\"}", number);
}

/* The fewest digits that read back as the same number. */
static void
format_double (double number, char buffer[G_ASCII_DTOSTR_BUF_SIZE])
{
  static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };

  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      double back = 0;

      g_ascii_formatd (buffer, G_ASCII_DTOSTR_BUF_SIZE, formats[i], number);
      back = g_ascii_strtod (buffer, NULL);
      if (back >= number && back <= number)
        return;
    }
}

static void
write_double (GString *out, double number)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  if (!isfinite (number))
    {
      g_string_append_printf (out, "{\"$double\":\"%s\"}", isnan (number) ? "nan" : number > 0 ? "inf" : "-inf");
      return;
    }
  format_double (number, buffer);
  g_string_append (out, buffer);
  /* So that it is read as a double again. */
  if (strpbrk (buffer, ".e") == NULL)
    g_string_append (out, ".0");
}

static void
write_bytes (GString *out, GVariant *value)
{
  gsize length = 0;
  const guchar *data = g_variant_get_fixed_array (value, &length, 1);
  g_autofree char *text = g_base64_encode (data, length);

  g_string_append_printf (out, "{\"$bytes\":\"%s\"}", text);
}

static void
write_children (GString *out, GVariant *value)
{
  gsize n_children = g_variant_n_children (value);

  g_string_append_c (out, '[');
  for (gsize i = 0; i < n_children; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      if (i > 0)
        g_string_append_c (out, ',');
      chan_json_write (out, child);
    }
  g_string_append_c (out, ']');
}

/* --- dictionaries ------------------------------------------------------------ */

/* A key as text: JSON has string keys only. */
static char *
dup_key (GVariant *entry)
{
  g_autoptr (GVariant) key = g_variant_get_child_value (entry, 0);

  if (g_variant_is_of_type (key, G_VARIANT_TYPE_STRING) || g_variant_is_of_type (key, G_VARIANT_TYPE_OBJECT_PATH)
      || g_variant_is_of_type (key, G_VARIANT_TYPE_SIGNATURE))
    return g_variant_dup_string (key, NULL);
  return g_variant_print (key, FALSE);
}

static void
write_entry (GString *out, const char *key, GVariant *entry)
{
  g_autoptr (GVariant) value = g_variant_get_child_value (entry, 1);

  g_string_append_c (out, '"');
  if (*key == '$')
    g_string_append_c (out, '$');
  write_characters (out, key);
  g_string_append (out, "\":");
  chan_json_write (out, value);
}

static int
compare_keys (gconstpointer a, gconstpointer b, gpointer user_data)
{
  GPtrArray *keys = user_data;
  guint left = *(const guint *) a;
  guint right = *(const guint *) b;
  int order = strcmp (keys->pdata[left], keys->pdata[right]);

  return order != 0 ? order : (left > right) - (left < right);
}

/* A GVariant may have a key twice, JSON may not. Clears every key but the first
 * of its name. By sorting: a peer chooses the keys, and could choose them all to
 * meet in one slot of a hash table. */
static void
clear_repeated_keys (GPtrArray *keys)
{
  g_autofree guint *order = g_new (guint, keys->len);
  gsize kept = 0;

  for (guint i = 0; i < keys->len; i++)
    order[i] = i;
  g_qsort_with_data (order, (int) keys->len, sizeof *order, compare_keys, keys);
  for (guint i = 1; i < keys->len; i++)
    {
      if (strcmp (keys->pdata[order[kept]], keys->pdata[order[i]]) == 0)
        g_clear_pointer (&keys->pdata[order[i]], g_free);
      else
        kept = i;
    }
}

static void
write_dictionary (GString *out, GVariant *value)
{
  gsize n_children = g_variant_n_children (value);
  g_autoptr (GPtrArray) keys = g_ptr_array_new_full ((guint) n_children, g_free);
  gboolean first = TRUE;

  for (gsize i = 0; i < n_children; i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (value, i);

      g_ptr_array_add (keys, dup_key (entry));
    }
  clear_repeated_keys (keys);
  g_string_append_c (out, '{');
  for (guint i = 0; i < keys->len; i++)
    {
      g_autoptr (GVariant) entry = NULL;

      if (keys->pdata[i] == NULL)
        continue;
      if (!first)
        g_string_append_c (out, ',');
      first = FALSE;
      entry = g_variant_get_child_value (value, i);
      write_entry (out, keys->pdata[i], entry);
    }
  g_string_append_c (out, '}');
}

/* --- any value ----------------------------------------------------------------- */

static void
write_lone_entry (GString *out, GVariant *value)
{
  g_autofree char *key = dup_key (value);

  g_string_append_c (out, '{');
  write_entry (out, key, value);
  g_string_append_c (out, '}');
}

static void
write_maybe (GString *out, GVariant *value)
{
  g_autoptr (GVariant) inner = g_variant_get_maybe (value);

  if (inner != NULL)
    chan_json_write (out, inner);
  else
    g_string_append (out, "null");
}

static void
write_variant (GString *out, GVariant *value)
{
  g_autoptr (GVariant) inner = g_variant_get_variant (value);

  chan_json_write (out, inner);
}

static void
write_array (GString *out, GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    write_bytes (out, value);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_DICTIONARY))
    write_dictionary (out, value);
  else
    write_children (out, value);
}

static void
write_basic (GString *out, GVariant *value)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BOOLEAN:
      g_string_append (out, g_variant_get_boolean (value) ? "true" : "false");
      break;
    case G_VARIANT_CLASS_BYTE:
      write_int (out, g_variant_get_byte (value));
      break;
    case G_VARIANT_CLASS_INT16:
      write_int (out, g_variant_get_int16 (value));
      break;
    case G_VARIANT_CLASS_UINT16:
      write_int (out, g_variant_get_uint16 (value));
      break;
    case G_VARIANT_CLASS_INT32:
      write_int (out, g_variant_get_int32 (value));
      break;
    case G_VARIANT_CLASS_UINT32:
      write_int (out, g_variant_get_uint32 (value));
      break;
    case G_VARIANT_CLASS_INT64:
      write_int (out, g_variant_get_int64 (value));
      break;
    case G_VARIANT_CLASS_UINT64:
      write_uint (out, g_variant_get_uint64 (value));
      break;
    case G_VARIANT_CLASS_HANDLE:
      g_string_append_printf (out, "{\"$handle\":%d}", g_variant_get_handle (value));
      break;
    case G_VARIANT_CLASS_DOUBLE:
      write_double (out, g_variant_get_double (value));
      break;
    default:
      write_string (out, g_variant_get_string (value, NULL));
      break;
    }
}

void
chan_json_write (GString *out, GVariant *value)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_VARIANT:
      write_variant (out, value);
      break;
    case G_VARIANT_CLASS_MAYBE:
      write_maybe (out, value);
      break;
    case G_VARIANT_CLASS_ARRAY:
      write_array (out, value);
      break;
    case G_VARIANT_CLASS_TUPLE:
      write_children (out, value);
      break;
    case G_VARIANT_CLASS_DICT_ENTRY:
      write_lone_entry (out, value);
      break;
    default:
      write_basic (out, value);
      break;
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-message-json.h"

#include "chan-json-builder.h"
#include "chan-json-check.h"
#include "chan-json-writer.h"

/* --- text, already checked ------------------------------------------------------- */

static gboolean read_value (ChanJsonBuilder *self, const char **at);

static gunichar
read_hex4 (const char *at)
{
  gunichar code = 0;

  for (int i = 0; i < 4; i++)
    code = code * 16 + (gunichar) g_ascii_xdigit_value (at[i]);
  return code;
}

/* at: behind the backslash. Returns the place behind the escape. */
static const char *
read_escape (GString *out, const char *at)
{
  static const char names[] = "bfnrt";
  static const char values[] = "\b\f\n\r\t";
  const char *name = strchr (names, *at);
  gunichar code = 0;

  if (*at != 'u')
    {
      g_string_append_c (out, name != NULL ? values[name - names] : *at);
      return at + 1;
    }
  code = read_hex4 (at + 1);
  at += 5;
  if (code >= 0xd800 && code <= 0xdbff)
    {
      code = 0x10000 + ((code - 0xd800) << 10) + (read_hex4 (at + 2) - 0xdc00);
      at += 6;
    }
  g_string_append_unichar (out, code);
  return at;
}

static gboolean
read_string (ChanJsonBuilder *self, const char **at)
{
  const char *run = *at + 1;
  gsize n_plain = strcspn (run, "\"\\");
  GString *text = g_string_new_len (run, (gssize) n_plain);

  run += n_plain;
  while (*run == '\\')
    {
      run = read_escape (text, run + 1);
      n_plain = strcspn (run, "\"\\");
      g_string_append_len (text, run, (gssize) n_plain);
      run += n_plain;
    }
  *at = run + 1;
  return chan_json_builder_push (self, g_variant_new_take_string (g_string_free (text, FALSE)));
}

static gboolean
read_number (ChanJsonBuilder *self, const char **at)
{
  const char *number = *at;

  *at += strspn (*at, "-+.0123456789eE");
  if (memchr (number, '.', (gsize) (*at - number)) != NULL || memchr (number, 'e', (gsize) (*at - number)) != NULL
      || memchr (number, 'E', (gsize) (*at - number)) != NULL)
    return chan_json_builder_push (self, g_variant_new_double (g_ascii_strtod (number, NULL)));
  return chan_json_builder_push (self, g_variant_new_int64 (g_ascii_strtoll (number, NULL, 10)));
}

static void
skip_space (const char **at)
{
  *at += strspn (*at, " \t\n\r");
}

static gboolean
read_object (ChanJsonBuilder *self, const char **at)
{
  guint mark = 0;

  if (!chan_json_builder_begin_object (self, &mark))
    return FALSE;
  (*at)++;
  skip_space (at);
  while (**at != '}')
    {
      if (**at == ',')
        (*at)++;
      skip_space (at);
      read_string (self, at);
      skip_space (at);
      (*at)++;
      if (!read_value (self, at))
        return FALSE;
    }
  (*at)++;
  return chan_json_builder_end_object (self, mark);
}

static gboolean
read_array (ChanJsonBuilder *self, const char **at)
{
  guint mark = 0;

  if (!chan_json_builder_begin_array (self, &mark))
    return FALSE;
  (*at)++;
  skip_space (at);
  while (**at != ']')
    {
      if (**at == ',')
        (*at)++;
      if (!read_value (self, at))
        return FALSE;
    }
  (*at)++;
  return chan_json_builder_end_array (self, mark);
}

static gboolean
read_word (ChanJsonBuilder *self, const char **at, const char *word, GVariant *value)
{
  *at += strlen (word);
  return chan_json_builder_push (self, value);
}

static gboolean
read_bare_value (ChanJsonBuilder *self, const char **at)
{
  switch (**at)
    {
    case '{':
      return read_object (self, at);
    case '[':
      return read_array (self, at);
    case '"':
      return read_string (self, at);
    case 't':
      return read_word (self, at, "true", g_variant_new_boolean (TRUE));
    case 'f':
      return read_word (self, at, "false", g_variant_new_boolean (FALSE));
    case 'n':
      return read_word (self, at, "null", g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL));
    default:
      return read_number (self, at);
    }
}

static gboolean
read_value (ChanJsonBuilder *self, const char **at)
{
  skip_space (at);
  if (!read_bare_value (self, at))
    return FALSE;
  skip_space (at);
  return TRUE;
}

/* --- nodes ----------------------------------------------------------------------- */

static gboolean read_node (ChanJsonBuilder *self, JsonNode *node);

static gboolean
push_text (ChanJsonBuilder *self, const char *text)
{
  if (text == NULL || !g_utf8_validate (text, -1, NULL))
    return chan_json_builder_fail (self, "string", "not UTF-8");
  return chan_json_builder_push (self, g_variant_new_string (text));
}

static gboolean
read_node_object (ChanJsonBuilder *self, JsonObject *object)
{
  guint mark = 0;
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *node = NULL;

  if (!chan_json_builder_begin_object (self, &mark))
    return FALSE;
  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &name, &node))
    if (!push_text (self, name) || !read_node (self, node))
      return FALSE;
  return chan_json_builder_end_object (self, mark);
}

static gboolean
read_node_array (ChanJsonBuilder *self, JsonArray *array)
{
  guint mark = 0;
  guint length = json_array_get_length (array);

  if (!chan_json_builder_begin_array (self, &mark))
    return FALSE;
  for (guint i = 0; i < length; i++)
    if (!read_node (self, json_array_get_element (array, i)))
      return FALSE;
  return chan_json_builder_end_array (self, mark);
}

static gboolean
read_node_scalar (ChanJsonBuilder *self, JsonNode *node)
{
  switch (json_node_get_value_type (node))
    {
    case G_TYPE_INT64:
      return chan_json_builder_push (self, g_variant_new_int64 (json_node_get_int (node)));
    case G_TYPE_DOUBLE:
      return chan_json_builder_push (self, g_variant_new_double (json_node_get_double (node)));
    case G_TYPE_BOOLEAN:
      return chan_json_builder_push (self, g_variant_new_boolean (json_node_get_boolean (node)));
    case G_TYPE_STRING:
      return push_text (self, json_node_get_string (node));
    default:
      return chan_json_builder_fail (self, "value", "unknown type");
    }
}

static gboolean
read_node (ChanJsonBuilder *self, JsonNode *node)
{
  if (JSON_NODE_HOLDS_NULL (node))
    return chan_json_builder_push (self, g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL));
  if (JSON_NODE_HOLDS_VALUE (node))
    return read_node_scalar (self, node);
  if (JSON_NODE_HOLDS_OBJECT (node))
    return read_node_object (self, json_node_get_object (node));
  return read_node_array (self, json_node_get_array (node));
}

/* --- entry points ------------------------------------------------------------------ */

GVariant *
chan_message_json_parse (const char *text, gsize n_handles, GError **error)
{
  ChanJsonBuilder builder;

  if (!chan_json_check (text, strlen (text), &chan_limits_default, error))
    return NULL;
  chan_json_builder_init (&builder, n_handles, error);
  return chan_json_builder_end (&builder, read_value (&builder, &text));
}

GVariant *
chan_message_json_from_node (JsonNode *node, gsize n_handles, GError **error)
{
  ChanJsonBuilder builder;

  chan_json_builder_init (&builder, n_handles, error);
  return chan_json_builder_end (&builder, read_node (&builder, node));
}

char *
chan_message_json_print (GVariant *body)
{
  GString *out = g_string_new (NULL);

  chan_json_write (out, body);
  return g_string_free (out, FALSE);
}

JsonNode *
chan_message_json_to_node (GVariant *body)
{
  g_autofree char *text = chan_message_json_print (body);

  /* Our own text: json-glib's leniences do not matter, and its depth is bounded
   * by GVariant's. */
  return json_from_string (text, NULL);
}

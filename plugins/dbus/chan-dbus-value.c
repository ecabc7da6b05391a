/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-value.h"

#include <string.h>

#include <libchan-glib/chan-error.h>

#include "chan-dbus-value-check.h"

/* A handle is its index (u), a maybe an array of at most one, a pair outside a
 * dictionary a struct, and () the byte 0. A variant whose type that changes
 * holds a struct of the type that was, and the value; so does one that would
 * be taken for such a struct. */

#define WRAPPED "(sv)"
/* Before the type, if the value is serialised: bytes, little-endian. */
#define SERIALISED '='

/* --- types --- */

static gboolean
type_is_native (const char *type)
{
  if (strpbrk (type, "mh") != NULL || strstr (type, "()") != NULL || type[0] == '{')
    return FALSE;
  for (const char *c = strchr (type, '{'); c != NULL; c = strchr (c + 1, '{'))
    if (c[-1] != 'a')
      return FALSE;
  return TRUE;
}

static void
map_type (const GVariantType *type, gboolean in_array, GString *mapped)
{
  char first = *g_variant_type_peek_string (type);

  if (first == 'm' || first == 'a')
    {
      g_string_append_c (mapped, 'a');
      map_type (g_variant_type_element (type), first == 'a', mapped);
    }
  else if (first == 'h')
    g_string_append_c (mapped, 'u');
  else if (first == '(' && g_variant_type_first (type) == NULL)
    g_string_append_c (mapped, 'y');
  else if (first == '(' || first == '{')
    {
      g_string_append_c (mapped, first == '{' && in_array ? '{' : '(');
      for (const GVariantType *item = g_variant_type_first (type); item != NULL; item = g_variant_type_next (item))
        map_type (item, FALSE, mapped);
      g_string_append_c (mapped, first == '{' && in_array ? '}' : ')');
    }
  else
    g_string_append_c (mapped, first);
}

static GVariantType *
mapped_type (const GVariantType *type)
{
  GString *mapped = g_string_new (NULL);

  map_type (type, FALSE, mapped);
  return (GVariantType *) g_string_free (mapped, FALSE);
}

/* --- out --- */

static GVariant *encode_any (GVariant *value, gboolean in_array);

static GVariant *
encode_variant (GVariant *inner)
{
  const char *type = g_variant_get_type_string (inner);
  g_autoptr (GVariant) mapped = encode_any (inner, FALSE);

  if (type_is_native (type) && !g_str_equal (type, WRAPPED))
    return g_variant_new_variant (mapped);
  return g_variant_new_variant (g_variant_new (WRAPPED, type, mapped));
}

static GVariant *
encode_children (GVariant *value, gboolean in_array)
{
  gsize n = g_variant_n_children (value);
  g_autoptr (GPtrArray) children = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  const GVariantType *type = g_variant_get_type (value);
  g_autoptr (GVariantType) element = NULL;

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      g_ptr_array_add (children, encode_any (child, g_variant_type_is_array (type)));
    }
  if (g_variant_type_is_dict_entry (type) && in_array)
    return g_variant_new_dict_entry (children->pdata[0], children->pdata[1]);
  if (g_variant_type_is_tuple (type) || g_variant_type_is_dict_entry (type))
    return g_variant_new_tuple ((GVariant **) children->pdata, n);
  if (n > 0)
    return g_variant_new_array (NULL, (GVariant **) children->pdata, n);
  element = mapped_type (type);
  return g_variant_new_array (g_variant_type_element (element), NULL, 0);
}

/* Returns a full reference. */
static GVariant *
encode_any (GVariant *value, gboolean in_array)
{
  const char *type = g_variant_get_type_string (value);

  if (strchr (type, 'v') == NULL && type_is_native (type))
    return g_variant_ref (value);
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_HANDLE:
      return g_variant_ref_sink (g_variant_new_uint32 ((guint32) g_variant_get_handle (value)));
    case G_VARIANT_CLASS_VARIANT:
      {
        g_autoptr (GVariant) inner = g_variant_get_variant (value);

        return g_variant_ref_sink (encode_variant (inner));
      }
    case G_VARIANT_CLASS_TUPLE:
      if (g_variant_n_children (value) == 0)
        return g_variant_ref_sink (g_variant_new_byte (0));
      return g_variant_ref_sink (encode_children (value, in_array));
    default:
      return g_variant_ref_sink (encode_children (value, in_array));
    }
}

static GVariant *
serialise (GVariant *body)
{
  g_autoptr (GVariant) swapped = G_BYTE_ORDER == G_LITTLE_ENDIAN ? g_variant_ref (body) : g_variant_byteswap (body);
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (swapped);
  g_autofree char *type = g_strdup_printf ("%c%s", SERIALISED, g_variant_get_type_string (body));

  return g_variant_new_variant (g_variant_new (WRAPPED, type, g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE)));
}

GVariant *
chan_dbus_value_encode (GVariant *body)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (encode_variant (body));

  /* The bus disconnects those who say what D-Bus cannot. */
  if (chan_dbus_value_is_sayable (value))
    return g_steal_pointer (&value);
  return g_variant_ref_sink (serialise (body));
}

/* --- in --- */

static GVariant *
fail (GError **error, const char *text)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, text);
  return NULL;
}

static GVariant *decode_any (GVariant *value, const GVariantType *type, GError **error);

/* inner: what a variant holds */
static GVariant *
decode_variant (GVariant *inner, GError **error)
{
  g_autoptr (GVariant) held = NULL;
  g_autoptr (GVariantType) mapped = NULL;
  const char *type;

  if (!g_variant_is_of_type (inner, G_VARIANT_TYPE (WRAPPED)))
    return decode_any (inner, g_variant_get_type (inner), error);
  g_variant_get (inner, "(&sv)", &type, &held);
  if (!g_variant_type_string_is_valid (type) || !g_variant_type_is_definite (G_VARIANT_TYPE (type)))
    return fail (error, "A value names a type that is none");
  mapped = mapped_type (G_VARIANT_TYPE (type));
  if (!g_variant_is_of_type (held, mapped))
    return fail (error, "A value is not of the type that it names");
  return decode_any (held, G_VARIANT_TYPE (type), error);
}

static GVariant *
build (GPtrArray *children, const GVariantType *type)
{
  gsize n = children->len;
  GVariant **items = (GVariant **) children->pdata;

  if (g_variant_type_is_maybe (type))
    return g_variant_new_maybe (g_variant_type_element (type), n > 0 ? items[0] : NULL);
  if (g_variant_type_is_dict_entry (type))
    return g_variant_new_dict_entry (items[0], items[1]);
  if (g_variant_type_is_tuple (type))
    return g_variant_new_tuple (items, n);
  return g_variant_new_array (g_variant_type_element (type), items, n);
}

static GVariant *
decode_children (GVariant *value, const GVariantType *type, GError **error)
{
  gboolean many = g_variant_type_is_array (type) || g_variant_type_is_maybe (type);
  const GVariantType *item = many ? g_variant_type_element (type) : g_variant_type_first (type);
  g_autoptr (GPtrArray) children = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  gsize n = g_variant_n_children (value);

  if (g_variant_type_is_maybe (type) && n > 1)
    return fail (error, "A value that may be absent is there more than once");
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);
      GVariant *decoded = decode_any (child, item, error);

      if (decoded == NULL)
        return NULL;
      g_ptr_array_add (children, decoded);
      if (!many)
        item = g_variant_type_next (item);
    }
  return g_variant_ref_sink (build (children, type));
}

/* value is of the type that `type` is mapped to. Returns a full reference. */
static GVariant *
decode_any (GVariant *value, const GVariantType *type, GError **error)
{
  const char *name = g_variant_get_type_string (value);

  if (g_variant_is_of_type (value, type) && strchr (name, 'v') == NULL)
    return g_variant_ref (value);
  if (g_variant_type_equal (type, G_VARIANT_TYPE_HANDLE))
    {
      guint32 index = g_variant_get_uint32 (value);

      if (index > G_MAXINT32)
        return fail (error, "A message names a handle that did not come with it");
      return g_variant_ref_sink (g_variant_new_handle ((gint32) index));
    }
  if (g_variant_type_equal (type, G_VARIANT_TYPE_VARIANT))
    {
      g_autoptr (GVariant) inner = g_variant_get_variant (value);
      g_autoptr (GVariant) decoded = decode_variant (inner, error);

      return decoded != NULL ? g_variant_ref_sink (g_variant_new_variant (decoded)) : NULL;
    }
  if (g_variant_type_equal (type, G_VARIANT_TYPE_UNIT))
    return g_variant_get_byte (value) == 0 ? g_variant_ref_sink (g_variant_new_tuple (NULL, 0)) : fail (error, "An empty value is not 0");
  return decode_children (value, type, error);
}

/* Bytes that were checked are taken as what they are. Of others each child would be looked for from the first on. */
static GVariant *
trusted_from_bytes (const GVariantType *type, GBytes *bytes)
{
  g_autoptr (GVariant) untrusted = g_variant_ref_sink (g_variant_new_from_bytes (type, bytes, FALSE));
  g_autoptr (GBytes) aligned = NULL;

  if (!g_variant_is_normal_form (untrusted))
    return NULL;
  aligned = g_variant_get_data_as_bytes (untrusted);
  return g_variant_ref_sink (g_variant_new_from_bytes (type, aligned, TRUE));
}

static GVariant *
deserialise (GVariant *inner, GError **error)
{
  g_autoptr (GVariant) held = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GVariant) value = NULL;
  const char *type;

  g_variant_get (inner, "(&sv)", &type, &held);
  if (!g_variant_type_string_is_valid (type + 1) || !g_variant_type_is_definite (G_VARIANT_TYPE (type + 1)) ||
      !g_variant_is_of_type (held, G_VARIANT_TYPE_BYTESTRING))
    return fail (error, "A serialised value names a type that is none, or is no bytes");
  bytes = g_variant_get_data_as_bytes (held);
  value = trusted_from_bytes (G_VARIANT_TYPE (type + 1), bytes);
  if (value == NULL)
    return fail (error, "A serialised value is not in its normal form");
  return G_BYTE_ORDER == G_LITTLE_ENDIAN ? g_steal_pointer (&value) : g_variant_byteswap (value);
}

GVariant *
chan_dbus_value_decode (GVariant *value, const ChanDBusValueLimits *limits, GError **error)
{
  g_autoptr (GVariant) inner = g_variant_get_variant (value);
  g_autoptr (GVariant) body = NULL;
  /* Before anything is built of it. Types that are told apart make it deeper, and have more values: each variant, and the
   * outermost one. */
  ChanDBusValueLimits mapped = { limits->max_nodes * 4, 2 * limits->max_depth + 2, limits->n_handles };
  const char *type = NULL;

  if (!chan_dbus_value_check (inner, &mapped, error))
    return NULL;
  if (g_variant_is_of_type (inner, G_VARIANT_TYPE (WRAPPED)))
    g_variant_get_child (inner, 0, "&s", &type);
  if (type != NULL && type[0] == SERIALISED)
    body = deserialise (inner, error);
  else
    body = decode_variant (inner, error);
  return body != NULL && chan_dbus_value_check (body, limits, error) ? g_steal_pointer (&body) : NULL;
}

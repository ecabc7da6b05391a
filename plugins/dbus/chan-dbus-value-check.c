/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-value-check.h"

#include <string.h>

#include <libchan-glib/chan-error.h>

/* The specification's: a signature, and arrays and structs within each other. */
#define SIGNATURE_MAX 255
#define NESTING_MAX 32
/* Containers within each other are 64 in all; the call around the body has some too. */
#define DEPTH_MAX 56

/* --- what D-Bus can say --- */

static gboolean
type_is_sayable (const GVariantType *type, guint arrays, guint structs)
{
  char first = *g_variant_type_peek_string (type);

  if (first == 'm' || arrays > NESTING_MAX || structs > NESTING_MAX)
    return FALSE;
  if (first == 'a' && g_variant_type_peek_string (type)[1] == '{')
    {
      const GVariantType *entry = g_variant_type_element (type);

      return type_is_sayable (g_variant_type_key (entry), arrays + 1, structs + 1) &&
             type_is_sayable (g_variant_type_value (entry), arrays + 1, structs + 1);
    }
  if (first == 'a')
    return type_is_sayable (g_variant_type_element (type), arrays + 1, structs);
  if (first == '{' || (first == '(' && g_variant_type_first (type) == NULL))
    return FALSE;
  if (first != '(')
    return TRUE;
  for (const GVariantType *item = g_variant_type_first (type); item != NULL; item = g_variant_type_next (item))
    if (!type_is_sayable (item, arrays, structs + 1))
      return FALSE;
  return TRUE;
}

/* GVariant takes longer and deeper ones than D-Bus. */
static gboolean
signature_is_sayable (const char *signature)
{
  g_autofree char *tuple = NULL;

  if (strlen (signature) > SIGNATURE_MAX)
    return FALSE;
  if (*signature == '\0')
    return TRUE;
  tuple = g_strconcat ("(", signature, ")", NULL);
  if (!g_variant_type_string_is_valid (tuple))
    return FALSE;
  for (const GVariantType *item = g_variant_type_first (G_VARIANT_TYPE (tuple)); item != NULL; item = g_variant_type_next (item))
    if (!type_is_sayable (item, 0, 0))
      return FALSE;
  return TRUE;
}

static guint
type_depth (const GVariantType *type)
{
  guint deepest = 0;

  if (g_variant_type_is_array (type))
    return 1 + type_depth (g_variant_type_element (type));
  if (!g_variant_type_is_tuple (type) && !g_variant_type_is_dict_entry (type))
    return 0;
  for (const GVariantType *item = g_variant_type_first (type); item != NULL; item = g_variant_type_next (item))
    {
      guint depth = type_depth (item);

      deepest = MAX (deepest, depth);
    }
  return 1 + deepest;
}

static gboolean
is_sayable (GVariant *value, guint depth)
{
  const char *type = g_variant_get_type_string (value);
  gsize n;

  if (depth > DEPTH_MAX)
    return FALSE;
  if (type[0] == 'g')
    return signature_is_sayable (g_variant_get_string (value, NULL));
  if (type[0] == 'v')
    {
      g_autoptr (GVariant) inner = g_variant_get_variant (value);
      const char *signature = g_variant_get_type_string (inner);

      return strlen (signature) <= SIGNATURE_MAX && type_is_sayable (g_variant_get_type (inner), 0, 0) && is_sayable (inner, depth + 1);
    }
  if (!g_variant_is_container (value))
    return TRUE;
  /* Without those no value says more than its type. */
  if (strpbrk (type, "gv") == NULL)
    return depth + type_depth (g_variant_get_type (value)) <= DEPTH_MAX;
  n = g_variant_n_children (value);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      if (!is_sayable (child, depth + 1))
        return FALSE;
    }
  return TRUE;
}

gboolean
chan_dbus_value_is_sayable (GVariant *value)
{
  return is_sayable (value, 0);
}

/* --- what came --- */

static gboolean
too_complex (GError **error, const char *text)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX, text);
  return FALSE;
}

/* g_variant_is_normal_form() takes no bytes at all for a struct whose items have to say where they end. Others do not. */
static gboolean
without_offsets (GError **error)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, "A serialised value is not in its normal form");
  return FALSE;
}

static gboolean
check (GVariant *value, const ChanDBusValueLimits *limits, guint depth, guint *n_nodes, GError **error)
{
  const char *type = g_variant_get_type_string (value);
  gsize n;

  if (++*n_nodes > limits->max_nodes)
    return too_complex (error, "A message has too many values");
  if (depth > limits->max_depth)
    return too_complex (error, "A message has too many levels");
  if (type[0] == 'h' && (guint32) g_variant_get_handle (value) >= limits->n_handles)
    {
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE, "A message names a handle that did not come with it");
      return FALSE;
    }
  /* An array of numbers or bytes is one. */
  if (!g_variant_is_container (value) || (type[0] == 'a' && strchr ("ybnqiuxtd", type[1]) != NULL))
    return TRUE;
  n = g_variant_n_children (value);
  if (n > 1 && type[0] == '(' && g_variant_get_size (value) == 0)
    return without_offsets (error);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      if (!check (child, limits, depth + 1, n_nodes, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
chan_dbus_value_check (GVariant *value, const ChanDBusValueLimits *limits, GError **error)
{
  guint n_nodes = 0;

  return check (value, limits, 0, &n_nodes, error);
}

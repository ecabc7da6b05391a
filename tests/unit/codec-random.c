/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "codec-fixture.h"

#include <string.h>

static guint64
random_u64 (GRand *rand)
{
  guint64 value = (guint64) g_rand_int (rand) << 32 | g_rand_int (rand);

  /* all magnitudes alike, and their edges */
  value >>= g_rand_int_range (rand, 0, 64);
  return g_rand_boolean (rand) ? value : (guint64) 1 << g_rand_int_range (rand, 0, 64);
}

static double
random_double (GRand *rand)
{
  guint64 bits = (guint64) g_rand_int (rand) << 32 | g_rand_int (rand);
  double d;

  if (g_rand_int_range (rand, 0, 8) == 0)
    return -0.0;
  memcpy (&d, &bits, sizeof d);
  return d;
}

static char *
random_string (GRand *rand)
{
  GString *s = g_string_new (NULL);

  for (int n = g_rand_int_range (rand, 0, 40); n > 0; n--)
    g_string_append_unichar (s, g_rand_boolean (rand) ? (gunichar) g_rand_int_range (rand, 1, 0x80)
                                                      : (gunichar) g_rand_int_range (rand, 0x80, 0xd800));
  return g_string_free (s, FALSE);
}

static GVariant *
random_bytes (GRand *rand)
{
  g_autofree guint8 *data = g_malloc (300);
  gsize n = (gsize) g_rand_int_range (rand, 0, 300);

  for (gsize i = 0; i < n; i++)
    data[i] = (guint8) g_rand_int (rand);
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, data, n, 1);
}

static GVariant *
random_leaf (GRand *rand)
{
  switch (g_rand_int_range (rand, 0, 8))
    {
    case 0:
      return g_variant_new_boolean (g_rand_boolean (rand));
    case 1:
      return g_variant_new_int64 ((gint64) random_u64 (rand));
    case 2:
      return g_variant_new_int64 (-(gint64) (random_u64 (rand) >> 1));
    case 3: /* as msgpack reads: t only for what x cannot hold */
      return g_variant_new_uint64 (random_u64 (rand) | (guint64) 1 << 63);
    case 4:
      return g_variant_new_double (random_double (rand));
    case 5:
      return g_variant_new_take_string (random_string (rand));
    case 6:
      return random_bytes (rand);
    default:
      return g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
    }
}

static GVariant *
random_dict (GRand *rand, guint size)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint n = (guint) g_rand_int_range (rand, 0, (gint32) size + 1); n > 0; n--)
    {
      char *key = random_string (rand);
      GVariant *value = codec_random_plain (rand, size / 2);

      if (g_hash_table_contains (seen, key))
        {
          g_variant_unref (g_variant_ref_sink (value));
          g_free (key);
          continue;
        }
      g_variant_builder_add (&builder, "{sv}", key, value);
      g_hash_table_add (seen, key);
    }
  return g_variant_builder_end (&builder);
}

GVariant *
codec_random_plain (GRand *rand, guint size)
{
  GVariantBuilder builder;

  switch (size == 0 ? 2 : g_rand_int_range (rand, 0, 4))
    {
    case 0:
      return random_dict (rand, size);
    case 1:
      g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
      for (gint n = g_rand_int_range (rand, 0, (gint32) size + 1); n > 0; n--)
        g_variant_builder_add (&builder, "v", codec_random_plain (rand, size / 2));
      return g_variant_builder_end (&builder);
    default:
      return random_leaf (rand);
    }
}

static GVariant *
random_of_type (GRand *rand, const GVariantType *type, guint size)
{
  GVariantBuilder builder;
  const GVariantType *t;

  if (g_variant_type_equal (type, G_VARIANT_TYPE_VARIANT))
    return g_variant_new_variant (codec_random_typed (rand, size / 2));
  if (g_variant_type_is_basic (type))
    {
      switch (*g_variant_type_peek_string (type))
        {
        case 'y': return g_variant_new_byte ((guint8) g_rand_int (rand));
        case 'b': return g_variant_new_boolean (g_rand_boolean (rand));
        case 'n': return g_variant_new_int16 ((gint16) g_rand_int (rand));
        case 'q': return g_variant_new_uint16 ((guint16) g_rand_int (rand));
        case 'i': return g_variant_new_int32 ((gint32) g_rand_int (rand));
        case 'u': return g_variant_new_uint32 (g_rand_int (rand));
        case 'x': return g_variant_new_int64 ((gint64) random_u64 (rand));
        case 't': return g_variant_new_uint64 (random_u64 (rand));
        case 'd': return g_variant_new_double (random_double (rand));
        case 'o': return g_variant_new_object_path (g_rand_boolean (rand) ? "/" : "/a/b_1");
        case 'g': return g_variant_new_signature (g_rand_boolean (rand) ? "" : "a{sv}ii");
        default: return g_variant_new_take_string (random_string (rand));
        }
    }
  g_variant_builder_init (&builder, type);
  if (g_variant_type_is_array (type))
    for (gint n = g_rand_int_range (rand, 0, (gint32) size + 1); n > 0; n--)
      g_variant_builder_add_value (&builder, random_of_type (rand, g_variant_type_element (type), size / 2));
  else if (g_variant_type_is_maybe (type))
    {
      if (g_rand_boolean (rand))
        g_variant_builder_add_value (&builder, random_of_type (rand, g_variant_type_element (type), size / 2));
    }
  else
    for (t = g_variant_type_first (type); t != NULL; t = g_variant_type_next (t))
      g_variant_builder_add_value (&builder, random_of_type (rand, t, size / 2));
  return g_variant_builder_end (&builder);
}

static void
random_type (GRand *rand, GString *out, guint depth)
{
  static const char basic[] = "ybnqiuxtdsog";

  switch (depth == 0 ? 9 : g_rand_int_range (rand, 0, 10))
    {
    case 0:
    case 1:
      g_string_append_c (out, 'a');
      random_type (rand, out, depth - 1);
      break;
    case 2:
      g_string_append_c (out, 'm');
      random_type (rand, out, depth - 1);
      break;
    case 3:
    case 4:
      g_string_append_c (out, '(');
      for (gint n = g_rand_int_range (rand, 0, 5); n > 0; n--)
        random_type (rand, out, depth - 1);
      g_string_append_c (out, ')');
      break;
    case 5:
      g_string_append (out, "a{");
      g_string_append_c (out, basic[g_rand_int_range (rand, 0, 12)]);
      random_type (rand, out, depth - 1);
      g_string_append_c (out, '}');
      break;
    case 6:
      g_string_append_c (out, 'v');
      break;
    default:
      g_string_append_c (out, basic[g_rand_int_range (rand, 0, 12)]);
      break;
    }
}

GVariant *
codec_random_typed (GRand *rand, guint size)
{
  g_autoptr (GString) type = g_string_new (NULL);

  do
    {
      g_string_truncate (type, 0);
      random_type (rand, type, size > 0 ? 3 : 0);
    }
  while (type->len > 100);
  return random_of_type (rand, G_VARIANT_TYPE (type->str), size);
}

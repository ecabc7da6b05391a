/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include <libchan-glib/chan-message.h>

#define ROUNDS 20000

static char *
random_string (void)
{
  GString *text = g_string_new (NULL);
  int n = g_test_rand_int_range (0, 8);

  for (int i = 0; i < n; i++)
    {
      gunichar c = 0;

      switch (g_test_rand_int_range (0, 4))
        {
        case 0:
          c = (gunichar) g_test_rand_int_range (1, 0x80);
          break;
        case 1:
          c = '$';
          break;
        case 2:
          c = (gunichar) g_test_rand_int_range (0xa0, 0xd800);
          break;
        default:
          c = (gunichar) g_test_rand_int_range (0xe000, 0x110000);
          break;
        }
      g_string_append_unichar (text, c);
    }
  return g_string_free (text, FALSE);
}

static GVariant *
random_int (void)
{
  guint64 bits = ((guint64) (guint32) g_test_rand_int () << 32) | (guint32) g_test_rand_int ();

  return g_variant_new_int64 ((gint64) bits >> g_test_rand_int_range (0, 64));
}

static GVariant *
random_double (void)
{
  double number = 0;

  if (g_test_rand_bit ())
    return g_variant_new_double (g_test_rand_double_range (-1e6, 1e6));
  do
    {
      guint64 bits = ((guint64) (guint32) g_test_rand_int () << 32) | (guint32) g_test_rand_int ();

      memcpy (&number, &bits, sizeof number);
    }
  while (isnan (number)); /* of which there are many, and one comes back */
  return g_variant_new_double (number);
}

static GVariant *
random_bytes (void)
{
  guint8 data[16];
  int n = g_test_rand_int_range (0, 16);

  for (int i = 0; i < n; i++)
    data[i] = (guint8) g_test_rand_int_range (0, 256);
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, data, (gsize) n, 1);
}

static GVariant *
random_scalar (void)
{
  switch (g_test_rand_int_range (0, 8))
    {
    case 0:
      return random_int ();
    case 1:
      return random_double ();
    case 2:
      return g_variant_new_boolean (g_test_rand_bit ());
    case 3:
      return g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
    case 4:
      return random_bytes ();
    case 5:
      return g_variant_new_handle (g_test_rand_int_range (0, 2));
    case 6:
      return g_variant_new_uint64 ((guint64) G_MAXINT64 + 1 + (guint32) g_test_rand_int ());
    default:
      return g_variant_new_take_string (random_string ());
    }
}

static GVariant *
random_value (guint depth)
{
  gboolean is_object = g_test_rand_bit ();
  GVariantBuilder builder;
  int n = 0;

  if (depth == 0 || g_test_rand_int_range (0, 3) == 0)
    return random_scalar ();
  n = g_test_rand_int_range (0, 5);
  g_variant_builder_init (&builder, is_object ? G_VARIANT_TYPE_VARDICT : G_VARIANT_TYPE ("av"));
  for (int i = 0; i < n; i++)
    {
      g_autofree char *text = random_string ();
      g_autofree char *key = g_strdup_printf ("%s%d", text, i);

      if (is_object)
        g_variant_builder_add (&builder, "{sv}", key, random_value (depth - 1));
      else
        g_variant_builder_add (&builder, "v", random_value (depth - 1));
    }
  return g_variant_builder_end (&builder);
}

static void
test_random_values_survive (void)
{
  g_autoptr (GObject) first = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr (GObject) second = g_object_new (G_TYPE_OBJECT, NULL);
  GObject *handles[] = { first, second };

  for (guint i = 0; i < ROUNDS; i++)
    {
      g_autoptr (ChanMessage) message = chan_message_new_with_handles (random_value (4), handles, 2);
      g_autofree char *text = chan_message_to_json (message);
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanMessage) back = chan_message_new_from_json (text, handles, 2, &error);

      g_assert_no_error (error);
      g_assert_true (g_variant_equal (chan_message_get_body (message), chan_message_get_body (back)));
    }
}

/* Any change of a valid text is read or refused; what is read can be written. */
static void
test_random_damage_is_survived (void)
{
  for (guint i = 0; i < ROUNDS; i++)
    {
      g_autoptr (GVariant) value = g_variant_ref_sink (random_value (3));
      g_autoptr (GObject) object = g_object_new (G_TYPE_OBJECT, NULL);
      GObject *handles[] = { object, object };
      g_autoptr (ChanMessage) message = chan_message_new_with_handles (value, handles, 2);
      g_autofree char *text = chan_message_to_json (message);
      g_autoptr (ChanMessage) damaged = NULL;

      text[g_test_rand_int_range (0, (gint32) strlen (text))] = (char) g_test_rand_int_range (0, 256);
      damaged = chan_message_new_from_json (text, handles, 2, NULL);
      if (damaged != NULL)
        {
          g_autofree char *again = chan_message_to_json (damaged);

          g_assert_cmpuint (strlen (again), >, 0);
        }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json-random/values-survive", test_random_values_survive);
  g_test_add_func ("/json-random/damage-is-survived", test_random_damage_is_survived);
  return g_test_run ();
}

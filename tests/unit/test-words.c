/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "libchan-glib/chan-words.h"
#include "libchan-glib/wire/chan-limits.h"

static void
test_no_more_than_the_limit_is_kept (void)
{
  const gsize max = chan_limits_default.text_bytes;
  g_autofree char *many = g_strnfill (10 * max, 'x');
  g_autofree char *all = chan_words_dup ("all of it");
  g_autofree char *some = chan_words_dup (many);

  g_assert_cmpstr (all, ==, "all of it");
  g_assert_cmpuint (strlen (some), ==, max);
}

static void
test_what_is_cut_is_still_utf8 (void)
{
  static const char *const signs[] = { "é", "☃", "\xf0\x9f\x90\xa2" };

  for (guint i = 0; i < G_N_ELEMENTS (signs); i++)
    {
      g_autoptr (GString) many = g_string_new ("x");
      g_autofree char *some = NULL;

      while (many->len < 2 * chan_limits_default.text_bytes)
        g_string_append (many, signs[i]);
      some = chan_words_dup (many->str);
      g_assert_true (g_utf8_validate (some, -1, NULL));
      g_assert_true (g_str_has_prefix (many->str, some));
      g_assert_cmpuint (strlen (some), >, chan_limits_default.text_bytes - 4);
    }
}

static void
test_text_of_a_transport_that_is_no_utf8_ends_there (void)
{
  g_autofree char *some = chan_words_dup ("good\xff bad");

  g_assert_cmpstr (some, ==, "good");
}

static void
test_names (void)
{
  g_autofree char *longest = g_strnfill (chan_limits_default.name_bytes, 'n');
  g_autofree char *longer = g_strconcat (longest, "n", NULL);

  g_assert_true (chan_words_is_name (NULL));
  g_assert_true (chan_words_is_name (""));
  g_assert_true (chan_words_is_name ("Ünïcödé/☃"));
  g_assert_true (chan_words_is_name (longest));
  g_assert_false (chan_words_is_name (longer));
  g_assert_false (chan_words_is_name ("\xff"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/words/no-more-than-the-limit-is-kept", test_no_more_than_the_limit_is_kept);
  g_test_add_func ("/words/what-is-cut-is-still-utf8", test_what_is_cut_is_still_utf8);
  g_test_add_func ("/words/text-that-is-no-utf8-ends-there", test_text_of_a_transport_that_is_no_utf8_ends_there);
  g_test_add_func ("/words/names", test_names);
  return g_test_run ();
}

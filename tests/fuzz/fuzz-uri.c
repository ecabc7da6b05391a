/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A URI and the options in it; then, with NUL between them, names of options and their values. */
#include "fuzz-options.h"

#include "fuzz-input.h"
#include "libchan-glib/chan-config-data.h"

static void
assert_same (ChanOptions *a, ChanOptions *b)
{
  g_autofree char *text_a = fuzz_options_print (a);
  g_autofree char *text_b = fuzz_options_print (b);

  g_assert_cmpstr (text_a, ==, text_b);
}

/* FALSE: refused, and nothing has changed. */
static gboolean
read_uri (const char *text, GUriFlags flags, ChanOptions *options)
{
  g_autoptr (GUri) uri = g_uri_parse (text, flags, NULL);
  g_autoptr (ChanOptions) before = chan_options_copy (options);
  g_autoptr (GError) error = NULL;

  if (uri == NULL)
    return FALSE;
  if (!chan_options_set_from_uri (options, uri, &error))
    {
      fuzz_options_check_error (error);
      assert_same (options, before);
      return FALSE;
    }
  g_assert_no_error (error);
  fuzz_options_check (options);
  return TRUE;
}

/* The ways in which the library parses the same address say the same. */
static void
look_at_uri (const char *text)
{
  g_autoptr (ChanOptions) options = chan_options_new ();
  g_autoptr (ChanOptions) encoded = chan_options_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GUri) uri = chan_config_parse_uri (text, &error);

  if (uri == NULL)
    {
      fuzz_options_check_error (error);
      read_uri (text, G_URI_FLAGS_ENCODED_QUERY, options);
      return;
    }
  g_assert_no_error (error);
  g_assert (read_uri (text, G_URI_FLAGS_ENCODED, encoded));
  if (read_uri (text, G_URI_FLAGS_ENCODED_QUERY, options))
    assert_same (options, encoded);
}

static void
look_at_option (const char *name, const char *value)
{
  g_autoptr (ChanOptions) options = chan_options_new ();
  g_autoptr (GError) error = NULL;

  if (!chan_options_set (options, name, value, &error))
    {
      fuzz_options_check_error (error);
      return;
    }
  g_assert_no_error (error);
  g_assert (chan_options_is_set (options, name));
  fuzz_options_check (options);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize len)
{
  FuzzInput input = { data, len };
  g_autofree char *text = fuzz_input_text (&input);

  look_at_uri (text);
  for (int n = 0; n < 2 && input.len > 0; n++)
    {
      g_autofree char *name = fuzz_input_text (&input);
      g_autofree char *value = fuzz_input_text (&input);

      look_at_option (name, value);
    }
  return 0;
}

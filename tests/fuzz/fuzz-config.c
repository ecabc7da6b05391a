/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configuration files, up to three with NUL between them, each merged into those
 * before it. They are in memory: the library is given the name of a memfd. */
#include "fuzz-options.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libchan-glib/chan-error.h>

#include "fuzz-input.h"
#include "libchan-glib/chan-config-private.h"

static const char *
put_file (const char *text)
{
  static int fd = -1;
  static char path[32];

  if (fd < 0)
    {
      fd = memfd_create ("fuzz", MFD_CLOEXEC);
      g_assert (fd >= 0);
      g_snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    }
  g_assert (ftruncate (fd, 0) == 0);
  g_assert (pwrite (fd, text, strlen (text), 0) == (gssize) strlen (text));
  return path;
}

/* Every address that a name stands for has options. */
static void
look_at_endpoint (ChanConfig *config, const char *name)
{
  g_autofree char *reference = g_strconcat ("@", name, NULL);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) uris = chan_config_resolve (config, reference, &error);

  g_assert ((uris == NULL) == (error != NULL));
  if (uris == NULL)
    {
      /* no Uri, as far as the files so far say, or not an allowed one */
      g_assert (error->domain == CHAN_CHANNEL_ERROR && g_utf8_validate (error->message, -1, NULL));
      return;
    }
  for (gsize i = 0; uris[i] != NULL; i++)
    {
      g_autofree char *scheme = g_uri_parse_scheme (uris[i]);
      g_autoptr (GError) bad = NULL;
      g_autoptr (ChanOptions) options = chan_config_dup_options (config, reference, scheme, &bad);

      g_assert_no_error (bad);
      g_assert (g_uri_is_valid (uris[i], G_URI_FLAGS_ENCODED, NULL));
      fuzz_options_check (options);
    }
}

static void
look_at_endpoints (ChanConfig *config)
{
  g_auto (GStrv) names = chan_config_list_endpoints (config);

  for (gsize i = 0; names[i] != NULL; i++)
    look_at_endpoint (config, names[i]);
}

/* What is shown can be given back, and is the same then. */
static void
assert_reads_again (ChanConfig *config)
{
  g_autoptr (ChanConfig) again = chan_config_new ();
  g_autofree char *text = chan_config_to_string (config);
  g_autofree char *text_again = NULL;
  g_autoptr (GError) error = NULL;

  g_assert (g_utf8_validate (text, -1, NULL));
  chan_config_load_file (again, put_file (text), &error);
  g_assert_no_error (error);
  text_again = chan_config_to_string (again);
  g_assert_cmpstr (text_again, ==, text);
}

static void
load (ChanConfig *config, const char *text)
{
  g_autofree char *before = chan_config_to_string (config);
  g_autofree char *after = NULL;
  g_autoptr (GError) error = NULL;

  if (chan_config_load_file (config, put_file (text), &error))
    {
      g_assert_no_error (error);
      assert_reads_again (config);
      look_at_endpoints (config);
      return;
    }
  fuzz_options_check_error (error);
  g_assert (g_str_has_prefix (error->message, "/proc/self/fd/"));
  after = chan_config_to_string (config);
  g_assert_cmpstr (before, ==, after);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize len)
{
  FuzzInput input = { data, len };
  g_autoptr (ChanConfig) config = chan_config_new ();

  for (int n = 0; n < 3 && input.len > 0; n++)
    {
      g_autofree char *text = fuzz_input_text (&input);

      load (config, text);
    }
  return 0;
}

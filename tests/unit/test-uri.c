/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Escapes in addresses: what is wrong with one is said, and where, whoever reads the address. */
#include <gio/gio.h>

#include "chan-config-data.h"
#include "chan-error.h"
#include "chan-listener.h"

static const struct
{
  const char *uri;
  const char *what, *where; /* which the message has */
} bad[] = {
  { "tcp://h%zz:1", "“%zz”", "the host" },
  { "tcp://127.0.0.1%00.example:1", "“%00”", "the host" },
  { "tcp://%ffhost:1", "“%ff”", "the host" },
  { "tcp://us%z@127.0.0.1:1", "“%z@”", "the host" },
  { "unix:/tmp/a%zz", "“%zz”", "the path" },
  { "unix:/tmp/a%", "“%”", "the path" },
  { "unix:/tmp/a%2", "“%2”", "the path" },
  { "unix:/tmp/a%00b", "NUL", "the path" },
  { "unix:/tmp/%E4x", "“%E4”", "the path" },
  { "unix:/tmp/%e2%82x", "“%e2%82”", "the path" },
  { "memory:a%g0", "“%g0”", "the path" },
  { "memory:a%00", "NUL", "the path" },
  { "tcp://127.0.0.1:1/na%00me", "NUL", "the path" },
  { "tcp://127.0.0.1:1?keepalive-sec=%zz", "“%zz”", "the parameter “keepalive-sec”" },
  { "tcp://127.0.0.1:1?settle-ms=5&server-name=a%00b&capacity=1", "NUL", "the parameter “server-name”" },
  { "tcp://127.0.0.1:1?server-name=%ff", "“%ff”", "the parameter “server-name”" },
  { "tcp://127.0.0.1:1?server-name=a%", "“%”", "the parameter “server-name”" },
  { "tcp://127.0.0.1:1?keepalive%00-sec=5", "NUL", "the name of a parameter" },
  { "tcp://127.0.0.1:1?%zz=5", "“%zz”", "the name of a parameter" },
  { "tcp://127.0.0.1:1#a%zz", "“%zz”", "the fragment" },
  { "tcp://127.0.0.1:1#part", "“#part”", "%23" },
  { "unix:/tmp/a#b", "“#b”", "%23" },
  { "memory:a#", "“#”", "%23" },
  { "t%zz:a", "“%zz”", "the scheme" },
};

static void
assert_says (const GError *error, guint i)
{
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, bad[i].uri));
  g_assert_nonnull (strstr (error->message, bad[i].what));
  g_assert_nonnull (strstr (error->message, bad[i].where));
}

static void
test_bad (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GError) listen_error = NULL;

      g_assert_null (chan_config_parse_uri (bad[i].uri, &error));
      assert_says (error, i);
      g_assert_null (chan_listen (bad[i].uri, NULL, &listen_error));
      assert_says (listen_error, i);
    }
}

/* A parameter without a value is named. */
static void
test_no_value (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (chan_config_parse_uri ("tcp://127.0.0.1:1?capacity=4&keepalive-sec", &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
  g_assert_nonnull (strstr (error->message, "keepalive-sec"));
}

static void
test_good (void)
{
  static const char *const good[] = {
    "memory:a%20b", "memory:a%25b", "memory:%C3%A4", "memory:ä%C3%A4", "unix:/tmp/a%2Fb%3F", "tcp://[::1]:7",
    "tcp://[fe80::1%25eth0]:7", "tls://127.0.0.1:1?server-name=%E2%82%AC&dialect=gl%69b", "tcp://%6cocalhost:1",
  };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GUri) uri = chan_config_parse_uri (good[i], &error);

      g_assert_no_error (error);
      g_assert_nonnull (uri);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/uri/bad-escapes-are-named", test_bad);
  g_test_add_func ("/uri/parameter-without-a-value-is-named", test_no_value);
  g_test_add_func ("/uri/good-escapes-are-taken", test_good);
  return g_test_run ();
}

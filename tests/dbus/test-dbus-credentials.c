/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which users come in: the same, root, and those that are named. */
#include "plugins/dbus/chan-dbus-credentials.h"

#include <sys/socket.h>
#include <unistd.h>

static gboolean
is_allowed (uid_t uid, const char *allow_uids)
{
  g_autoptr (ChanOptions) options = chan_options_new ();
  g_autoptr (GCredentials) credentials = g_credentials_new ();
  struct ucred native = { .pid = 1, .uid = uid, .gid = 0 };
  g_autoptr (GError) error = NULL;

  if (allow_uids != NULL)
    chan_options_set (options, "allow-uids", allow_uids, &error);
  g_assert_no_error (error);
  g_credentials_set_native (credentials, G_CREDENTIALS_TYPE_LINUX_UCRED, &native);
  return chan_dbus_credentials_are_allowed (credentials, options);
}

static void
test_by_default (void)
{
  g_assert_true (is_allowed (geteuid (), NULL));
  g_assert_true (is_allowed (0, NULL));
  g_assert_false (is_allowed (geteuid () + 1, NULL));
  g_assert_false (is_allowed (65534, NULL));
}

static void
test_named (void)
{
  uid_t other = geteuid () + 7;
  g_autofree char *named = g_strdup_printf ("%u,%u", other, other + 1);

  g_assert_true (is_allowed (geteuid (), named));
  g_assert_true (is_allowed (other, named));
  g_assert_true (is_allowed (other + 1, named));
  g_assert_false (is_allowed (other + 2, named));
  g_assert_false (is_allowed (other / 10 + 1000000, named));
}

/* Nobody knows who it is. */
static void
test_unknown (void)
{
  g_assert_false (is_allowed ((uid_t) -1, NULL));
  g_assert_false (is_allowed ((uid_t) -1, "4294967294"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/dbus/credentials/the-same-user-and-root", test_by_default);
  g_test_add_func ("/dbus/credentials/those-that-are-named", test_named);
  g_test_add_func ("/dbus/credentials/nobody-knows-who", test_unknown);
  return g_test_run ();
}

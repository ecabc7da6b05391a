/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which dialect a session speaks: both ends settle on the same one, or the session
 * ends with an error that says why (docs/wire.md, "Which dialect"). */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../support/chan-test-session.h"

#define PATIENCE_US (20 * G_USEC_PER_SEC)
#define SETTINGS_SIZE 28

typedef struct
{
  ChanSession *session;
  int peer; /* its end of the connection, of which the test writes every byte */
} Fixture;

/* INITIAL_WINDOW_SIZE 64 KiB, and the features. */
static const guint8 settings[SETTINGS_SIZE] = { 0x80, 3, 0, 4,    0, 0,    0,    20,   0, 0, 0, 2, 0, 0,
                                                0,    7, 0, 1,    0, 0,    0,    0x4c, 0x43, 0x31, 0, 0, 0, 1 };

static void
set_up (Fixture *f, gconstpointer data)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  f->peer = fds[1];
  f->session = chan_test_session_new (fds[0], (ChanSessionRole) GPOINTER_TO_INT (data));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->session);
  close (f->peer);
}

static void
say_settings (Fixture *f)
{
  g_assert_cmpint (send (f->peer, settings, sizeof settings, MSG_NOSIGNAL), ==, sizeof settings);
}

/* The next bytes that came; 0 when there are none for a while. */
static gsize
hear (Fixture *f, guint8 *bytes, gsize len, int timeout_ms)
{
  gsize got = 0;

  while (got < len)
    {
      GPollFD poll = { .fd = f->peer, .events = G_IO_IN };
      gssize n;

      if (g_poll (&poll, 1, timeout_ms) != 1)
        break;
      n = read (f->peer, bytes + got, len - got);
      g_assert_cmpint (n, >, 0);
      got += (gsize) n;
    }
  return got;
}

/* That it speaks the dialect, and that over this Unix socket it takes file descriptors. */
#define OWN_FEATURES 3

static guint
hear_features (Fixture *f)
{
  guint8 bytes[SETTINGS_SIZE + 8];
  guint n;

  g_assert_cmpuint (hear (f, bytes, SETTINGS_SIZE, PATIENCE_US / 1000), ==, SETTINGS_SIZE);
  g_assert_cmpmem (bytes, 7, settings, 7);
  n = bytes[11];
  g_assert_cmpuint (n, ==, bytes[27] == OWN_FEATURES ? 3 : 2);
  g_assert_cmpuint (bytes[7], ==, 4 + 8 * n);
  g_assert_cmpmem (bytes + 12, 4, settings + 12, 4);
  g_assert_cmpmem (bytes + 20, 4, settings + 20, 4);
  /* With them it says how many. */
  if (n == 3)
    g_assert_cmpuint (hear (f, bytes + SETTINGS_SIZE, 8, PATIENCE_US / 1000), ==, 8);
  return bytes[27];
}

static ChanSender *
open_and_send (ChanSession *session)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_message_new (g_variant_new_int16 (5));
  g_autoptr (ChanSender) tx = chan_session_open_channel (session, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (chan_sender_send_until (tx, message, g_get_monotonic_time () + PATIENCE_US, NULL, &error));
  g_assert_no_error (error);
  return g_steal_pointer (&tx);
}

static void
assert_ends_too_late (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanReceiver) none
      = chan_session_accept_channel_until (f->session, g_get_monotonic_time () + PATIENCE_US, NULL, &error);

  g_assert_null (none);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL);
  g_assert_nonnull (strstr (error->message, "settle-ms"));
}

static void
test_client_answers_its_own_kind (Fixture *f, gconstpointer data)
{
  guint8 byte;

  g_assert_cmpuint (hear (f, &byte, 1, 100), ==, 0);
  say_settings (f);
  g_assert_cmpuint (hear_features (f), ==, OWN_FEATURES);
}

static void
test_client_claims_nothing_to_a_silent_peer (Fixture *f, gconstpointer data)
{
  g_autoptr (ChanSender) tx = open_and_send (f->session);

  g_assert_cmpuint (hear_features (f), ==, 0);
}

static void
test_client_ends_with_one_that_answers_late (Fixture *f, gconstpointer data)
{
  g_autoptr (ChanSender) tx = open_and_send (f->session);

  g_assert_cmpuint (hear_features (f), ==, 0);
  say_settings (f);
  assert_ends_too_late (f);
}

static void
test_server_speaks_first (Fixture *f, gconstpointer data)
{
  g_assert_cmpuint (hear_features (f), ==, OWN_FEATURES);
}

/* It opens a channel and waits for its client's kind, then takes it for an old one. */
static void
test_server_ends_with_one_that_answers_late (Fixture *f, gconstpointer data)
{
  g_autoptr (ChanSender) tx = open_and_send (f->session);
  guint8 bytes[16];

  g_assert_cmpuint (hear_features (f), ==, OWN_FEATURES);
  g_assert_cmpuint (hear (f, bytes, sizeof bytes, PATIENCE_US / 1000), ==, sizeof bytes);
  g_usleep (1500 * 1000);
  say_settings (f);
  assert_ends_too_late (f);
}

static gpointer
serve_late (gpointer data)
{
  gint64 until = g_get_monotonic_time () + PATIENCE_US;
  g_autoptr (ChanSession) server = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  g_usleep (50 * 1000);
  server = chan_test_session_new (GPOINTER_TO_INT (data), CHAN_SESSION_SERVER);
  rx = chan_session_accept_channel_until (server, until, NULL, &error);
  g_assert_no_error (error);
  message = chan_receiver_receive_until (rx, until, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_type_string (chan_message_get_body (message)), ==, "n");
  return NULL;
}

/* What is sent before the peer is known is not sent in another's words. */
static void
test_types_do_not_depend_on_timing (void)
{
  g_autoptr (ChanSession) client = NULL;
  g_autoptr (ChanSender) tx = NULL;
  GThread *thread;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  thread = g_thread_new ("server", serve_late, GINT_TO_POINTER (fds[1]));
  client = chan_test_session_new (fds[0], CHAN_SESSION_CLIENT);
  tx = open_and_send (client);
  chan_sender_close (tx);
  g_thread_join (thread);
}

#define ADD(path, role, func) \
  g_test_add ("/session-settle/" path, Fixture, GINT_TO_POINTER (CHAN_SESSION_##role), set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("client/answers-its-own-kind", CLIENT, test_client_answers_its_own_kind);
  ADD ("client/claims-nothing-to-a-silent-peer", CLIENT, test_client_claims_nothing_to_a_silent_peer);
  ADD ("client/ends-with-one-that-answers-late", CLIENT, test_client_ends_with_one_that_answers_late);
  g_test_add_func ("/session-settle/types-do-not-depend-on-timing", test_types_do_not_depend_on_timing);
  ADD ("server/speaks-first", SERVER, test_server_speaks_first);
  ADD ("server/ends-with-one-that-answers-late", SERVER, test_server_ends_with_one_that_answers_late);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A session that has no more ids for streams: new channels fail, those that are open go on, and then it ends. */
#include "chan-session-core.h"
#include "chan-session-private.h"
#include "chan-stream-link-private.h"
#include "libchan-glib.h"
#include "../support/chan-test-session.h"
#include "wire/chan-spdy-conn-private.h"

#include <sys/socket.h>

#define PATIENCE_US (20 * G_USEC_PER_SEC)

typedef struct
{
  ChanSession *client, *server;
} Fixture;

static gint64
soon (void)
{
  return g_get_monotonic_time () + PATIENCE_US;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  f->client = chan_test_session_new (fds[0], CHAN_SESSION_CLIENT);
  f->server = chan_test_session_new (fds[1], CHAN_SESSION_SERVER);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->client);
  g_clear_object (&f->server);
}

/* As if 2^30 channels less `left` had been. */
static void
use_up (ChanSession *session, guint32 left)
{
  ChanSessionCore *core = chan_session_get_core (session);
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (core->reactor);
  CHAN_STREAM_LINK (core->link)->conn->next_id = CHAN_SPDY_ID_MAX - 2 * (left - 1);
  chan_reactor_unlock (core->reactor, &later);
}

static void
send_text (ChanSender *tx, const char *text)
{
  g_autoptr (ChanMessage) message = chan_message_new (g_variant_new_string (text));
  g_autoptr (GError) error = NULL;

  g_assert_true (chan_sender_send_until (tx, message, soon (), NULL, &error));
  g_assert_no_error (error);
}

static void
expect_text (ChanReceiver *rx, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_receiver_receive_until (rx, soon (), NULL, &error);

  g_assert_no_error (error);
  if (text == NULL)
    g_assert_null (message);
  else
    g_assert_cmpstr (g_variant_get_string (chan_message_get_body (message), NULL), ==, text);
}

static ChanSender *
open_one (Fixture *f, ChanReceiver **rx)
{
  g_autoptr (GError) error = NULL;
  ChanSender *tx = chan_session_open_channel (f->client, NULL, &error);

  g_assert_no_error (error);
  send_text (tx, "first");
  *rx = chan_session_accept_channel_until (f->server, soon (), NULL, &error);
  g_assert_no_error (error);
  expect_text (*rx, "first");
  return tx;
}

static void
test_used_up (Fixture *f, gconstpointer data)
{
  g_autoptr (ChanReceiver) early_rx = NULL, last_rx = NULL;
  g_autoptr (ChanSender) early = open_one (f, &early_rx);
  g_autoptr (ChanSender) last = NULL;
  g_autoptr (GError) error = NULL;

  use_up (f->client, 1);
  last = open_one (f, &last_rx);
  g_assert_null (chan_session_open_channel (f->client, NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
  g_clear_error (&error);
  chan_sender_close (last);
  expect_text (last_rx, NULL);
  send_text (early, "as before");
  expect_text (early_rx, "as before");
  g_assert_cmpint (chan_session_get_state (f->client), ==, CHAN_SESSION_OPEN);
  chan_sender_close (early);
  expect_text (early_rx, NULL);
  g_assert_null (chan_session_accept_channel_until (f->server, soon (), NULL, &error));
  g_assert_no_error (error);
  g_assert_null (chan_session_accept_channel_until (f->client, soon (), NULL, &error));
  g_assert_no_error (error);
}

/* The error is the message's alone. */
static void
test_carried (Fixture *f, gconstpointer data)
{
  g_autoptr (ChanReceiver) rx = NULL, near = NULL;
  g_autoptr (ChanSender) tx = open_one (f, &rx);
  g_autoptr (ChanSender) far = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  GObject *handles[1];

  use_up (f->client, 1);
  g_object_unref (chan_session_open_channel (f->client, NULL, &error));
  g_assert_no_error (error);
  chan_pipe_new (1, &far, &near);
  handles[0] = G_OBJECT (far);
  message = chan_message_new_with_handles (g_variant_new_handle (0), handles, 1);
  g_assert_false (chan_sender_send_until (tx, message, soon (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
  send_text (tx, "as before");
  expect_text (rx, "as before");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/used-up/channels", Fixture, NULL, set_up, test_used_up, tear_down);
  g_test_add ("/used-up/carried", Fixture, NULL, set_up, test_carried, tear_down);
  return g_test_run ();
}

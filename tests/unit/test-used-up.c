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
  int fd; /* the client's, and its own */
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
  f->fd = fds[0];
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

/* The peer does not read for a while, and its socket takes little. */
static void
send_while_slow (Fixture *f, GOutputStream *output, const guint8 *bytes, gsize size)
{
  ChanReactor *slow = chan_session_get_core (f->server)->reactor;
  g_autoptr (GError) error = NULL;
  int small = 4096;
  ChanLater later;

  chan_later_init (&later);
  g_assert_cmpint (setsockopt (f->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), ==, 0);
  chan_reactor_lock (slow);
  g_assert_true (g_output_stream_write_all (output, bytes, size, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (g_output_stream_close (output, NULL, &error));
  g_assert_no_error (error);
  g_usleep (300000);
  chan_reactor_unlock (slow, &later);
}

/* A byte stream whose other half has ended. */
static GIOStream *
carry_half (Fixture *f, GIOStream **near)
{
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanSender) tx = open_one (f, &rx);
  g_autoptr (GIOStream) far = NULL, there = NULL;
  g_autoptr (ChanMessage) message = NULL, arrived = NULL;
  g_autoptr (GError) error = NULL;
  char none;

  chan_byte_pipe_new (near, &far);
  message = chan_message_new_with_handles (g_variant_new_handle (0), (GObject *[]){ G_OBJECT (far) }, 1);
  g_assert_true (chan_sender_send_until (tx, message, soon (), NULL, &error));
  arrived = chan_receiver_receive_until (rx, soon (), NULL, &error);
  g_assert_no_error (error);
  there = G_IO_STREAM (chan_message_steal_handle (arrived, 0));
  chan_sender_close (tx);
  expect_text (rx, NULL);
  g_assert_true (g_output_stream_close (g_io_stream_get_output_stream (there), NULL, &error));
  g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (*near), &none, 1, NULL, &error), ==, 0);
  g_assert_no_error (error);
  return g_steal_pointer (&there);
}

/* Our end of it is on its way when nothing of it is left to count. */
static void
test_last_bytes (Fixture *f, gconstpointer data)
{
  static const guint8 many[60000];
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) there = carry_half (f, &near);
  g_autofree guint8 *buffer = g_malloc (sizeof many + 1);
  g_autoptr (GError) error = NULL;
  gsize n;

  /* What is still told about the channel. */
  g_usleep (200000);
  use_up (f->client, 0);
  send_while_slow (f, g_io_stream_get_output_stream (near), many, sizeof many);
  g_assert_true (g_input_stream_read_all (g_io_stream_get_input_stream (there), buffer, sizeof many + 1, &n, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, sizeof many);
  g_assert_null (chan_session_accept_channel_until (f->client, soon (), NULL, &error));
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/used-up/channels", Fixture, NULL, set_up, test_used_up, tear_down);
  g_test_add ("/used-up/carried", Fixture, NULL, set_up, test_carried, tear_down);
  g_test_add ("/used-up/last-bytes", Fixture, NULL, set_up, test_last_bytes, tear_down);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How channels begin and end. */
#include "interop-script.h"

#define CAPACITY 8
#define N_UNWANTED 100

static void
call_close (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  ChanReceiver *in;
  ChanSender *out;
  Draft draft;

  chan_pipe_new (CAPACITY, &out, &in);
  draft_init (&draft);
  draft_put_handle (&draft, "In", in);
  script_ask (self, "close", &draft, &answers);
  close_sender (out);
  expect_end (answers);
}

static void
serve_close (Script *self)
{
  g_autoptr (ChanReceiver) in = message_take (self->request, "In", CHAN_TYPE_RECEIVER);

  expect_end (in);
  close_sender (script_reply_sender (self));
}

/* --- abort: never mistaken for an end, where the peer can tell --- */

static void
abort_sender (ChanSender *sender)
{
  g_autoptr (GError) reason = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_FAILED, "on purpose");

  chan_sender_abort (sender, reason);
  g_object_unref (sender);
}

static void
expect_error (ChanReceiver *from)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_receiver_receive_until (from, script_deadline (), NULL, &error);

  script_check (message == NULL && error != NULL, "no error where one should be");
  script_check (error->domain == CHAN_CHANNEL_ERROR, "not an error of the channel: %s", error->message);
}

static void
call_abort (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  ChanReceiver *in;
  ChanSender *out;
  Draft draft;

  chan_pipe_new (CAPACITY, &out, &in);
  draft_init (&draft);
  draft_put_handle (&draft, "In", in);
  script_ask (self, "abort", &draft, &answers);
  send_parsed (out, "{'N': <int64 0>}");
  abort_sender (out);
  expect_parsed (answers, "{'N': <int64 1>}");
  expect_end (answers);
}

static void
serve_abort (Script *self)
{
  g_autoptr (ChanReceiver) in = message_take (self->request, "In", CHAN_TYPE_RECEIVER);
  ChanSender *ret = script_reply_sender (self);

  expect_parsed (in, "{'N': <int64 0>}");
  expect_error (in);
  send_parsed (ret, "{'N': <int64 1>}");
  close_sender (ret);
}

static void
call_abort_back (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  Draft draft;

  draft_init (&draft);
  script_ask (self, "abort-back", &draft, &answers);
  expect_parsed (answers, "{'N': <int64 1>}");
  expect_error (answers);
}

static void
serve_abort_back (Script *self)
{
  ChanSender *ret = script_reply_sender (self);

  send_parsed (ret, "{'N': <int64 1>}");
  abort_sender (ret);
}

/* --- receiver-closes --- */

static void
call_receiver_closes (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanReceiver) unwanted = NULL;
  ChanSender *out;
  Draft draft;

  chan_pipe_new (CAPACITY, &out, &unwanted);
  draft_init (&draft);
  draft_put_handle (&draft, "Out", out);
  script_ask (self, "receiver-closes", &draft, &answers);
  chan_receiver_close (unwanted);
  expect_parsed (answers, "{'N': <%x>}", (gint64) N_UNWANTED);
  expect_end (answers);
}

static void
serve_receiver_closes (Script *self)
{
  g_autoptr (ChanSender) out = message_take (self->request, "Out", CHAN_TYPE_SENDER);
  ChanSender *ret = script_reply_sender (self);
  g_autoptr (GError) error = NULL;

  /* All of them are more than what fits: at some time it must be told. */
  for (int i = 0; i < 100 * N_UNWANTED && error == NULL; i++)
    {
      g_autoptr (ChanMessage) message = chan_message_new (g_variant_new_parsed ("{'N': <%x>}", (gint64) i));

      chan_sender_send_until (out, message, script_deadline (), NULL, &error);
      if (error == NULL && i > N_UNWANTED)
        g_usleep (1000);
    }
  script_check (g_error_matches (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED), "not told that the receiver closed: %s",
                error != NULL ? error->message : "no error");
  send_parsed (ret, "{'N': <%x>}", (gint64) N_UNWANTED);
  close_sender (ret);
}

/* --- bare: messages that are no maps --- */

static void
call_bare (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanReceiver) numbers = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  ChanSender *channel, *out;
  Draft draft;

  draft_init (&draft);
  channel = script_ask (self, "bare", &draft, &answers);
  chan_pipe_new (CAPACITY, &out, &numbers);
  message = chan_message_new_with_handles (g_variant_new_handle (0), (GObject **) &out, 1);
  chan_sender_send_until (channel, message, script_deadline (), NULL, &error);
  script_must (g_steal_pointer (&error));
  g_object_unref (out);
  send_value (channel, g_variant_new_int64 (7));
  expect (numbers, g_variant_new_int64 (42));
  expect_end (numbers);
  expect (answers, g_variant_new_string ("done"));
  expect_end (answers);
}

static void
serve_bare (Script *self)
{
  g_autoptr (ChanMessage) message = receive (self->channel);
  ChanSender *out = message_take_value (message, chan_message_get_body (message), CHAN_TYPE_SENDER);
  ChanSender *ret = script_reply_sender (self);

  send_value (out, g_variant_new_int64 (42));
  close_sender (out);
  expect (self->channel, g_variant_new_int64 (7));
  send_value (ret, g_variant_new_string ("done"));
  close_sender (ret);
}

/* --- server-opens --- */

static void
call_server_opens (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanReceiver) channel = NULL;
  g_autoptr (ChanMessage) hello = NULL;
  GError *error = NULL;
  ChanSender *ret;
  Draft draft;

  draft_init (&draft);
  script_ask (self, "server-opens", &draft, &answers);
  channel = chan_session_accept_channel_until (self->session, script_deadline (), NULL, &error);
  script_must (error);
  script_check (channel != NULL, "the session is over");
  hello = receive (channel);
  message_expect (hello, "Text", g_variant_new_string ("client"));
  ret = message_take (hello, "Ret", CHAN_TYPE_SENDER);
  send_parsed (ret, "{'Text': <'server'>}");
  close_sender (ret);
  expect_end (channel);
  expect_parsed (answers, "{'Text': <'done'>}");
  expect_end (answers);
}

static void
serve_server_opens (Script *self)
{
  g_autoptr (ChanReceiver) hello = NULL;
  ChanSender *done = script_reply_sender (self);
  GError *error = NULL;
  ChanSender *channel = chan_session_open_channel (self->session, NULL, &error);
  ChanSender *ret;
  Draft draft;

  script_must (error);
  chan_pipe_new (CAPACITY, &ret, &hello);
  draft_init (&draft);
  draft_put (&draft, "Text", g_variant_new_string ("client"));
  draft_put_handle (&draft, "Ret", ret);
  draft_send (&draft, channel);
  expect_parsed (hello, "{'Text': <'server'>}");
  expect_end (hello);
  close_sender (channel);
  send_parsed (done, "{'Text': <'done'>}");
  close_sender (done);
}

const Scenario end_scenarios[] = {
  { "close", call_close, serve_close },
  { "abort", call_abort, serve_abort },
  { "abort-back", call_abort_back, serve_abort_back },
  { "receiver-closes", call_receiver_closes, serve_receiver_closes },
  { "bare", call_bare, serve_bare },
  { "server-opens", call_server_opens, serve_server_opens },
  { NULL, NULL, NULL },
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Byte streams, and ends that are passed on. */
#include <string.h>

#include "interop-script.h"

#define CAPACITY 8
#define STREAM_SIZE 100000

/* --- one half of a byte stream, in a thread --- */

typedef struct
{
  GObject *stream;    /* both ways, or the half that is meant */
  int expected;       /* seed of the pattern that is read; 0: none; -1: the end at once */
  int written;        /* seed of the pattern that is written after that; 0: none */
} Traffic;

static guint8
pattern_byte (gsize i, int seed)
{
  return (guint8) ((i * 7 + (gsize) seed) % 251);
}

static void
write_pattern (GOutputStream *to, int seed)
{
  g_autofree guint8 *data = g_malloc (STREAM_SIZE);
  GError *error = NULL;

  for (gsize i = 0; i < STREAM_SIZE; i++)
    data[i] = pattern_byte (i, seed);
  if (g_output_stream_write_all (to, data, STREAM_SIZE, NULL, NULL, &error))
    g_output_stream_close (to, NULL, &error);
  script_must (error);
}

static void
read_pattern (GInputStream *from, int seed)
{
  g_autofree guint8 *data = g_malloc (STREAM_SIZE + 1);
  gsize length;
  GError *error = NULL;

  g_input_stream_read_all (from, data, STREAM_SIZE + 1, &length, NULL, &error);
  script_must (error);
  script_check (length == (seed < 0 ? 0 : STREAM_SIZE), "read %" G_GSIZE_FORMAT " bytes", length);
  for (gsize i = 0; i < length; i++)
    script_check (data[i] == pattern_byte (i, seed), "byte %" G_GSIZE_FORMAT " is wrong", i);
}

static gpointer
traffic_thread (gpointer data)
{
  g_autofree Traffic *self = data;
  g_autoptr (GObject) stream = self->stream;

  if (self->expected != 0)
    read_pattern (G_IS_IO_STREAM (stream) ? g_io_stream_get_input_stream (G_IO_STREAM (stream)) : G_INPUT_STREAM (stream), self->expected);
  if (self->written != 0)
    write_pattern (G_IS_IO_STREAM (stream) ? g_io_stream_get_output_stream (G_IO_STREAM (stream)) : G_OUTPUT_STREAM (stream), self->written);
  return NULL;
}

/* stream: (transfer full) */
static void
start_traffic (GPtrArray *threads, gpointer stream, int expected, int written)
{
  Traffic *traffic = g_new (Traffic, 1);

  *traffic = (Traffic){ stream, expected, written };
  g_ptr_array_add (threads, script_start (traffic_thread, traffic));
}

static void
join_traffic (GPtrArray *threads)
{
  for (guint i = 0; i < threads->len; i++)
    g_thread_join (g_ptr_array_index (threads, i));
  g_ptr_array_unref (threads);
}

/* --- byte-streams: every kind --- */

typedef struct
{
  GIOStream *input, *output, *both, *half;  /* the ends that stay */
  GIOStream *input_there, *output_there;    /* kept: a half ends with its stream */
} Given;

static void
give_bytes (Given *self, Draft *draft)
{
  GIOStream *both_there, *half_there;

  chan_byte_pipe_new (&self->input, &self->input_there);
  chan_byte_pipe_new (&self->output, &self->output_there);
  chan_byte_pipe_new (&self->both, &both_there);
  chan_byte_pipe_new (&self->half, &half_there);
  draft_put_handle (draft, "Input", g_object_ref (g_io_stream_get_input_stream (self->input_there)));
  draft_put_handle (draft, "Output", g_object_ref (g_io_stream_get_output_stream (self->output_there)));
  draft_put_handle (draft, "Both", both_there);
  draft_put_handle (draft, "Half", half_there);
}

static void
use_given (Given *self)
{
  GPtrArray *threads = g_ptr_array_new ();
  GError *error = NULL;

  /* Nothing will be written: the other direction goes on. */
  g_output_stream_close (g_io_stream_get_output_stream (self->half), NULL, &error);
  script_must (error);
  start_traffic (threads, g_object_ref (self->input), 0, 1);
  start_traffic (threads, g_object_ref (self->output), 2, 0);
  start_traffic (threads, g_object_ref (self->both), 0, 3);
  start_traffic (threads, g_object_ref (self->both), 4, 0);
  start_traffic (threads, g_object_ref (self->half), 5, 0);
  join_traffic (threads);
  g_object_unref (self->input);
  g_object_unref (self->output);
  g_object_unref (self->both);
  g_object_unref (self->half);
  g_object_unref (self->input_there);
  g_object_unref (self->output_there);
}

static void
take_bytes (ChanMessage *message)
{
  GPtrArray *threads = g_ptr_array_new ();

  start_traffic (threads, message_take (message, "Input", G_TYPE_OBJECT), 1, 0);
  start_traffic (threads, message_take (message, "Output", G_TYPE_OBJECT), 0, 2);
  start_traffic (threads, message_take (message, "Both", G_TYPE_IO_STREAM), 3, 4);
  start_traffic (threads, message_take (message, "Half", G_TYPE_IO_STREAM), -1, 5);
  join_traffic (threads);
}

static void
call_byte_streams (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanMessage) answer = NULL;
  Given given;
  Draft draft;

  draft_init (&draft);
  give_bytes (&given, &draft);
  script_ask (self, "byte-streams", &draft, &answers);
  use_given (&given);
  answer = receive (answers);
  take_bytes (answer);
  expect_end (answers);
}

static void
serve_byte_streams (Script *self)
{
  ChanSender *ret = script_reply_sender (self);
  Given given;
  Draft draft;

  take_bytes (self->request);
  draft_init (&draft);
  give_bytes (&given, &draft);
  draft_send (&draft, ret);
  use_given (&given);
  close_sender (ret);
}

/* --- ends of every kind, to be passed on --- */

typedef struct
{
  ChanReceiver *received;
  ChanSender *sent;
  GIOStream *both;
} Ends;

static void
give_ends (Ends *self, Draft *draft)
{
  ChanSender *out;
  ChanReceiver *in;
  GIOStream *both_there;

  chan_pipe_new (CAPACITY, &out, &self->received);
  chan_pipe_new (CAPACITY, &self->sent, &in);
  chan_byte_pipe_new (&self->both, &both_there);
  draft_put_handle (draft, "Out", out);
  draft_put_handle (draft, "In", in);
  draft_put_handle (draft, "Both", both_there);
}

static gpointer
use_ends (gpointer data)
{
  Ends *self = data;
  g_autoptr (ChanReceiver) texts = NULL;
  GPtrArray *threads = g_ptr_array_new ();
  ChanSender *ret;
  Draft draft;

  chan_pipe_new (CAPACITY, &ret, &texts);
  draft_init (&draft);
  draft_put (&draft, "N", g_variant_new_int64 (0));
  draft_put_handle (&draft, "Ret", ret);
  draft_send (&draft, self->sent);
  expect_parsed (texts, "{'Text': <'through'>}");
  expect_end (texts);
  send_parsed (self->sent, "{'N': <int64 1>}");
  close_sender (self->sent);
  expect_parsed (self->received, "{'N': <int64 5>}");
  expect_end (self->received);
  g_object_unref (self->received);
  start_traffic (threads, g_object_ref (self->both), 0, 6);
  start_traffic (threads, self->both, 7, 0);
  join_traffic (threads);
  return NULL;
}

static void
take_ends (ChanMessage *message)
{
  g_autoptr (ChanReceiver) in = message_take (message, "In", CHAN_TYPE_RECEIVER);
  ChanSender *out = message_take (message, "Out", CHAN_TYPE_SENDER);
  GIOStream *both = message_take (message, "Both", G_TYPE_IO_STREAM);
  GPtrArray *threads = g_ptr_array_new ();
  g_autoptr (ChanMessage) first = receive (in);
  ChanSender *ret = message_take (first, "Ret", CHAN_TYPE_SENDER);

  message_expect (first, "N", g_variant_new_int64 (0));
  send_parsed (ret, "{'Text': <'through'>}");
  close_sender (ret);
  expect_parsed (in, "{'N': <int64 1>}");
  expect_end (in);
  send_parsed (out, "{'N': <int64 5>}");
  close_sender (out);
  start_traffic (threads, g_object_ref (both), 6, 0);
  start_traffic (threads, both, 0, 7);
  join_traffic (threads);
}

static void
pass_ends (ChanMessage *message, Draft *draft)
{
  draft_put_handle (draft, "Out", message_take (message, "Out", CHAN_TYPE_SENDER));
  draft_put_handle (draft, "In", message_take (message, "In", CHAN_TYPE_RECEIVER));
  draft_put_handle (draft, "Both", message_take (message, "Both", G_TYPE_IO_STREAM));
}

/* What the caller sends comes back to it, and works. */
static void
call_send_back (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanMessage) back = NULL;
  GThread *thread;
  Ends ends;
  Draft draft;

  draft_init (&draft);
  give_ends (&ends, &draft);
  script_ask (self, "send-back", &draft, &answers);
  back = receive (answers);
  thread = script_start (use_ends, &ends);
  take_ends (back);
  g_thread_join (thread);
  expect_end (answers);
}

static void
serve_send_back (Script *self)
{
  ChanSender *ret = script_reply_sender (self);
  Draft draft;

  draft_init (&draft);
  pass_ends (self->request, &draft);
  draft_send (&draft, ret);
  close_sender (ret);
}

/* The caller passes what it got over one connection to the other. */
static void
call_relay (Script *self)
{
  g_autoptr (ChanReceiver) gifts = NULL;
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanMessage) gift = NULL;
  Draft draft;

  draft_init (&draft);
  script_ask (self, "relay-give", &draft, &gifts);
  gift = receive (gifts);
  draft_init (&draft);
  pass_ends (gift, &draft);
  script_ask_over (self, NULL, "relay-take", &draft, &answers);
  expect_parsed (answers, "{'Text': <'done'>}");
  expect_end (answers);
  expect_end (gifts);
}

static void
serve_relay_give (Script *self)
{
  ChanSender *ret = script_reply_sender (self);
  Ends ends;
  Draft draft;

  draft_init (&draft);
  give_ends (&ends, &draft);
  draft_send (&draft, ret);
  use_ends (&ends);
  close_sender (ret);
}

static void
serve_relay_take (Script *self)
{
  ChanSender *ret = script_reply_sender (self);

  take_ends (self->request);
  send_parsed (ret, "{'Text': <'done'>}");
  close_sender (ret);
}

const Scenario stream_scenarios[] = {
  { "byte-streams", call_byte_streams, serve_byte_streams },
  { "send-back", call_send_back, serve_send_back },
  { "relay", call_relay, NULL },
  { "relay-give", NULL, serve_relay_give },
  { "relay-take", NULL, serve_relay_take },
  { NULL, NULL, NULL },
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <libchan-glib/libchan-glib.h>

#include "bench-serve.h"

/* In one process: pipes, memory:, and what they are held against. */

static void
check (gboolean ok, const char *what, const GError *error)
{
  if (!ok)
    bench_fail (what, error);
}

static double
dict_alone (const BenchItem *item, const char *address)
{
  double start = bench_seconds ();

  for (guint64 i = 0; i < item->n; i++)
    {
      g_autoptr (GVariant) dict = g_variant_ref_sink (bench_dict (i));

      bench_read_dict (dict);
    }
  return bench_value (item, bench_seconds () - start);
}

/* Ends of two channels, there and back, in this process. */
typedef struct
{
  ChanSession *client, *server;
  ChanListener *listener;
  ChanSender *there_in, *back_in;
  ChanReceiver *there_out, *back_out;
} Ends;

static gpointer
accept_session (gpointer listener)
{
  g_autoptr (GError) error = NULL;
  ChanSession *session = chan_listener_accept (listener, NULL, &error);

  check (session != NULL, "accept", error);
  return session;
}

static void
open_ends (Ends *self, const BenchItem *item)
{
  g_autoptr (GError) error = NULL;
  GThread *thread;

  if (g_str_equal (item->transport, "pipe"))
    {
      chan_pipe_new (64, &self->there_in, &self->there_out);
      chan_pipe_new (64, &self->back_in, &self->back_out);
      return;
    }
  self->listener = chan_listen ("memory:bench", NULL, &error);
  check (self->listener != NULL, "listen", error);
  thread = g_thread_new ("accept", accept_session, self->listener);
  self->client = chan_connect ("memory:bench", NULL, &error);
  check (self->client != NULL, "connect", error);
  self->server = g_thread_join (thread);
  self->there_in = chan_session_open_channel (self->client, NULL, &error);
  self->there_out = chan_session_accept_channel (self->server, NULL, &error);
  self->back_in = chan_session_open_channel (self->server, NULL, &error);
  self->back_out = chan_session_accept_channel (self->client, NULL, &error);
  check (error == NULL, "open", error);
}

static double
one_thread (const BenchItem *item, const char *address)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (item->size), item->size);
  g_autoptr (ChanMessage) message = chan_message_new_from_bytes (bytes);
  g_autoptr (GError) error = NULL;
  ChanMessage *answer;
  Ends ends = { 0 };
  double start;

  open_ends (&ends, item);
  start = bench_seconds ();
  for (guint64 i = 0; i < item->n; i++)
    {
      check (chan_sender_try_send (ends.there_in, message, &error), "send", error);
      check (chan_receiver_try_receive (ends.there_out, &answer, &error) == CHAN_TAKE_MESSAGE, "receive", error);
      check (chan_sender_try_send (ends.back_in, answer, &error), "send", error);
      chan_message_unref (answer);
      check (chan_receiver_try_receive (ends.back_out, &answer, &error) == CHAN_TAKE_MESSAGE, "receive", error);
      chan_message_unref (answer);
    }
  return bench_value (item, bench_seconds () - start);
}

/* The idiom of channels: each request carries its own return channel. */
static double
fresh (const BenchItem *item, const char *address)
{
  g_autoptr (GVariant) body = g_variant_ref_sink (g_variant_new_handle (0));
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (item->size), item->size);
  g_autoptr (ChanMessage) reply = chan_message_new_from_bytes (bytes);
  g_autoptr (GError) error = NULL;
  Ends ends = { 0 };
  double start;

  open_ends (&ends, item);
  start = bench_seconds ();
  for (guint64 i = 0; i < item->n; i++)
    {
      g_autoptr (ChanSender) sender = NULL, taken = NULL;
      g_autoptr (ChanReceiver) answers = NULL;
      g_autoptr (ChanMessage) request = NULL, arrived = NULL, answer = NULL;
      GObject *handle;

      chan_pipe_new (1, &sender, &answers);
      handle = G_OBJECT (sender);
      request = chan_message_new_with_handles (body, &handle, 1);
      check (chan_sender_try_send (ends.there_in, request, &error), "send", error);
      check (chan_receiver_try_receive (ends.there_out, &arrived, &error) == CHAN_TAKE_MESSAGE, "receive", error);
      taken = CHAN_SENDER (chan_message_steal_handle (arrived, 0));
      check (chan_sender_try_send (taken, reply, &error), "send", error);
      check (chan_receiver_try_receive (answers, &answer, &error) == CHAN_TAKE_MESSAGE, "receive", error);
      chan_sender_close (taken);
    }
  return bench_value (item, bench_seconds () - start);
}

static gpointer
take_all (gpointer receiver)
{
  ChanMessage *message;

  while ((message = chan_receiver_receive (receiver, NULL, NULL)) != NULL)
    chan_message_unref (message);
  return NULL;
}

static double
two_threads (const BenchItem *item, const char *address)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (item->size), item->size);
  g_autoptr (GError) error = NULL;
  Ends ends = { 0 };
  GThread *thread;
  double start;

  open_ends (&ends, item);
  start = bench_seconds ();
  thread = g_thread_new ("taker", take_all, ends.there_out);
  for (guint64 i = 0; i < item->n; i++)
    {
      ChanMessage *message = chan_message_new_from_bytes (bytes);

      check (chan_sender_send (ends.there_in, message, NULL, &error), "send", error);
      chan_message_unref (message);
    }
  chan_sender_close (ends.there_in);
  g_thread_join (thread);
  return bench_value (item, bench_seconds () - start);
}

static gpointer
take_queue (gpointer queue)
{
  GBytes *bytes;

  while (g_bytes_get_size (bytes = g_async_queue_pop (queue)) > 0)
    g_bytes_unref (bytes);
  return NULL;
}

static double
async_queue (const BenchItem *item, const char *address)
{
  g_autoptr (GAsyncQueue) queue = g_async_queue_new ();
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (item->size), item->size);
  double start = bench_seconds ();
  GThread *thread = g_thread_new ("taker", take_queue, queue);

  for (guint64 i = 0; i < item->n; i++)
    g_async_queue_push (queue, g_bytes_new_from_bytes (bytes, 0, item->size));
  g_async_queue_push (queue, g_bytes_new (NULL, 0));
  g_thread_join (thread);
  return bench_value (item, bench_seconds () - start);
}

static const BenchItem items[] = {
  { "dict-build-and-read", NULL, "M/s", "none", TRUE, FALSE, 300000, 64, "", NULL, dict_alone },
  { "async-queue-two-threads", NULL, "M/s", "none", FALSE, FALSE, 1000000, 64, "", NULL, async_queue },
  { "pipe-one-thread", NULL, "ns", "pipe", TRUE, TRUE, 1000000, 64, "", NULL, one_thread },
  { "pipe-two-threads", "async-queue-two-threads", "M/s", "pipe", FALSE, FALSE, 1000000, 64, "", NULL, two_threads },
  { "memory-one-thread", "pipe-one-thread", "ns", "memory", TRUE, TRUE, 1000000, 64, "", NULL, one_thread },
  { "memory-two-threads", "async-queue-two-threads", "M/s", "memory", FALSE, FALSE, 1000000, 64, "", NULL, two_threads },
  { "memory-fresh-channel", "memory-one-thread", "ns", "memory", TRUE, TRUE, 200000, 64, "", NULL, fresh },
  { "memory-bulk", NULL, "MB/s", "memory", FALSE, FALSE, 500000, 65536, "", NULL, two_threads },
};

const BenchItem *
bench_local_items (guint *n)
{
  *n = G_N_ELEMENTS (items);
  return items;
}

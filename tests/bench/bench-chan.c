/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <libchan-glib/libchan-glib.h>
#include <string.h>
#include <unistd.h>

#include "bench-serve.h"

/* The library over a connection, through its public interface, with all checks on. */

static void
check (gboolean ok, const char *what, const GError *error)
{
  if (!ok)
    bench_fail (what, error);
}

static ChanMessage *
message_of (gsize size)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (size), size);

  return chan_message_new_from_bytes (bytes);
}

/* Opens the channel of a mode, and gives the server the sender to answer on. */
static ChanSender *
begin (const BenchItem *item, const char *uri, ChanSession **session, ChanReceiver **answers)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSender) reply = NULL;
  g_autoptr (ChanMessage) first = NULL;
  g_autofree char *deep = NULL;
  GObject *handle;
  ChanSender *requests;

  if (g_str_has_prefix (item->mode, "sink"))
    uri = deep = g_strdup_printf ("%s%ccapacity=%s", uri, strchr (uri, '?') != NULL ? '&' : '?', g_getenv ("CHAN_BENCH_CAPACITY") ? g_getenv ("CHAN_BENCH_CAPACITY") : "4096");
  *session = chan_connect (uri, NULL, &error);
  check (*session != NULL, "connect", error);
  requests = chan_session_open_channel (*session, item->mode, &error);
  check (requests != NULL, "open", error);
  chan_pipe_new (64, &reply, answers);
  handle = G_OBJECT (reply);
  first = chan_message_new_with_handles (g_variant_new_handle (0), &handle, 1);
  check (chan_sender_send (requests, first, NULL, &error), "send", error);
  return requests;
}

static double
ping_pong (const BenchItem *item, const char *uri)
{
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanSender) requests = begin (item, uri, &session, &answers);
  g_autoptr (ChanMessage) message = message_of (item->size);
  g_autoptr (GError) error = NULL;
  double start = bench_seconds ();

  for (guint64 i = 0; i < item->n; i++)
    {
      g_autoptr (ChanMessage) answer = NULL;

      check (chan_sender_send (requests, message, NULL, &error), "send", error);
      answer = chan_receiver_receive (answers, NULL, &error);
      check (answer != NULL, "receive", error);
    }
  chan_sender_close (requests);
  return bench_value (item, bench_seconds () - start);
}

/* The idiom of channels: each request carries its own return channel. */
static double
fresh (const BenchItem *item, const char *uri)
{
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanReceiver) first = NULL;
  g_autoptr (ChanSender) requests = begin (item, uri, &session, &first);
  g_autoptr (GVariant) body = g_variant_ref_sink (g_variant_new_handle (0));
  g_autoptr (GError) error = NULL;
  double start = bench_seconds ();

  for (guint64 i = 0; i < item->n; i++)
    {
      g_autoptr (ChanSender) reply = NULL;
      g_autoptr (ChanReceiver) answers = NULL;
      g_autoptr (ChanMessage) message = NULL, answer = NULL;
      GObject *handle;

      chan_pipe_new (1, &reply, &answers);
      handle = G_OBJECT (reply);
      message = chan_message_new_with_handles (body, &handle, 1);
      check (chan_sender_send (requests, message, NULL, &error), "send", error);
      answer = chan_receiver_receive (answers, NULL, &error);
      check (answer != NULL, "receive", error);
    }
  chan_sender_close (requests);
  return bench_value (item, bench_seconds () - start);
}

typedef struct
{
  const BenchItem *item;
  ChanSender *requests;
  ChanMessage *message;
  GMainLoop *loop;
  guint64 left;
} Loop;

static void
answered (ChanReceiver *receiver, ChanMessage *message, const GError *error, gpointer data)
{
  Loop *self = data;
  g_autoptr (GError) failure = NULL;

  check (message != NULL, "receive", error);
  if (--self->left == 0)
    g_main_loop_quit (self->loop);
  else
    check (chan_sender_try_send (self->requests, self->message, &failure), "send", failure);
}

static double
ping_pong_loop (const BenchItem *item, const char *uri)
{
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanSender) requests = begin (item, uri, &session, &answers);
  g_autoptr (ChanMessage) message = message_of (item->size);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  Loop self = { item, requests, message, loop, item->n };
  double start = bench_seconds ();

  chan_receiver_set_handler (answers, answered, &self, NULL);
  check (chan_sender_try_send (requests, message, &error), "send", error);
  g_main_loop_run (loop);
  chan_sender_close (requests);
  return bench_value (item, bench_seconds () - start);
}

/* Until the server has taken them all. */
static double
finish_one_way (const BenchItem *item, ChanSender *requests, ChanReceiver *answers, double start)
{
  g_autoptr (ChanMessage) answer = NULL;
  g_autoptr (GError) error = NULL;

  chan_sender_close (requests);
  answer = chan_receiver_receive (answers, NULL, &error);
  check (answer != NULL, "receive", error);
  return bench_value (item, bench_seconds () - start);
}

static double
one_way (const BenchItem *item, const char *uri)
{
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanSender) requests = begin (item, uri, &session, &answers);
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (item->size), item->size);
  g_autoptr (GError) error = NULL;
  double start = bench_seconds ();

  for (guint64 i = 0; i < item->n; i++)
    {
      ChanMessage *message = chan_message_new_from_bytes (bytes);

      check (chan_sender_send (requests, message, NULL, &error), "send", error);
      chan_message_unref (message);
    }
  return finish_one_way (item, requests, answers, start);
}

/* Built by the sender and read by key by the receiver. */
static double
one_way_dict (const BenchItem *item, const char *uri)
{
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanSender) requests = begin (item, uri, &session, &answers);
  g_autoptr (GError) error = NULL;
  double start = bench_seconds ();

  for (guint64 i = 0; i < item->n; i++)
    {
      g_autoptr (ChanMessage) message = chan_message_new (bench_dict (i));

      check (chan_sender_send (requests, message, NULL, &error), "send", error);
    }
  return finish_one_way (item, requests, answers, start);
}

static double
byte_stream (const BenchItem *item, const char *uri)
{
  static char block[65536];
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanSender) requests = begin (item, uri, &session, &answers);
  g_autoptr (GIOStream) here = NULL;
  g_autoptr (GIOStream) there = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  GObject *handle;
  double start;

  chan_byte_pipe_new (&here, &there);
  handle = G_OBJECT (there);
  message = chan_message_new_with_handles (g_variant_new_handle (0), &handle, 1);
  check (chan_sender_send (requests, message, NULL, &error), "send", error);
  start = bench_seconds ();
  for (guint64 i = 0; i < item->n; i++)
    check (g_output_stream_write_all (g_io_stream_get_output_stream (here), block, item->size, NULL, NULL, &error), "write", error);
  check (g_output_stream_close (g_io_stream_get_output_stream (here), NULL, &error), "close", error);
  return finish_one_way (item, requests, answers, start);
}

#define CHAN(NAME, AGAINST, TRANSPORT, UNIT, ONE, LESS, N, SIZE, MODE, RUN) \
  { TRANSPORT "-" NAME, AGAINST, UNIT, TRANSPORT, ONE, LESS, N, SIZE, MODE, bench_serve, RUN }
#define ALL(TRANSPORT, PLAIN, BULK)                                                                                     \
  CHAN ("ping-pong", PLAIN "-ping-pong", TRANSPORT, "µs", TRUE, TRUE, 20000, 64, "echo", ping_pong),                    \
  CHAN ("ping-pong-main-loop", PLAIN "-ping-pong", TRANSPORT, "µs", TRUE, TRUE, 20000, 64, "echo-loop", ping_pong_loop), \
  CHAN ("ping-pong-fresh-channel", TRANSPORT "-ping-pong", TRANSPORT, "µs", TRUE, TRUE, 10000, 1, "fresh", fresh),      \
  CHAN ("one-way", "raw-" BULK "-one-way", TRANSPORT, "M/s", FALSE, FALSE, 2000000, 64, "sink-loop", one_way),          \
  CHAN ("one-way-dict", "dict-build-and-read", TRANSPORT, "M/s", FALSE, FALSE, 200000, 64, "sink-dict", one_way_dict),  \
  CHAN ("bulk-messages", "raw-" TRANSPORT "-bulk", TRANSPORT, "MB/s", FALSE, FALSE, 20000, 65536, "sink", one_way),     \
  CHAN ("bulk-stream", "raw-" TRANSPORT "-bulk", TRANSPORT, "MB/s", FALSE, FALSE, 20000, 65536, "stream", byte_stream)

static const BenchItem items[] = {
  ALL ("tcp", "raw-tcp", "tcp"),
  ALL ("unix", "raw-unix", "unix"),
  /* TLS is held against plain TCP where the targets are. */
  ALL ("tls", "raw-tcp", "tcp"),
};

#define DBUS(TRANSPORT, CALL, CALLS, N)                                                                \
  CHAN ("ping-pong", CALL, TRANSPORT, "µs", TRUE, TRUE, N, 64, "echo", ping_pong),                      \
  CHAN ("one-way", CALLS, TRANSPORT, "M/s", FALSE, FALSE, 10 * N, 64, "sink-loop", one_way)

static const BenchItem dbus_items[] = {
  DBUS ("dbus-message", "gdbus-call sdbus-call", "gdbus-calls sdbus-calls", 3000),
  DBUS ("dbus-peer", "gdbus-peer-call", "gdbus-peer-calls", 3000),
  DBUS ("dbus-direct", "unix-ping-pong gdbus-call sdbus-call", "unix-one-way gdbus-calls sdbus-calls", 20000),
};

const BenchItem *
bench_chan_dbus_items (guint *n)
{
  g_autofree char *daemon = g_find_program_in_path ("dbus-daemon");

  *n = daemon != NULL ? G_N_ELEMENTS (dbus_items) : 0;
  return dbus_items;
}

const BenchItem *
bench_chan_items (guint *n)
{
  *n = G_N_ELEMENTS (items);
  return items;
}

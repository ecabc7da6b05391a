/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench-serve.h"

#include "bench-dbus.h"

#include <libchan-glib/libchan-glib.h>
#include <string.h>
#include <unistd.h>

/* What the other process does with one session and one channel. */

GVariant *
bench_dict (guint64 number)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "number", g_variant_new_uint64 (number));
  g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string ("a name of some length"));
  g_variant_builder_add (&builder, "{sv}", "ready", g_variant_new_boolean (TRUE));
  return g_variant_builder_end (&builder);
}

void
bench_read_dict (GVariant *dict)
{
  guint64 number;
  const char *name;
  gboolean ready;

  if (!g_variant_lookup (dict, "number", "t", &number) || !g_variant_lookup (dict, "name", "&s", &name) ||
      !g_variant_lookup (dict, "ready", "b", &ready))
    bench_fail ("dictionary", NULL);
}

static void
answer (ChanSender *reply, ChanMessage *message)
{
  g_autoptr (GError) error = NULL;

  if (!chan_sender_send (reply, message, NULL, &error))
    bench_fail ("answer", error);
}

/* NULL: the client closed the channel */
static ChanMessage *
next (ChanReceiver *requests)
{
  g_autoptr (GError) error = NULL;
  ChanMessage *message = chan_receiver_receive (requests, NULL, &error);

  if (error != NULL && !g_error_matches (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST))
    bench_fail ("receive", error);
  return message;
}

static void
echo (ChanReceiver *requests, ChanSender *reply)
{
  ChanMessage *message;

  while ((message = next (requests)) != NULL)
    {
      answer (reply, message);
      chan_message_unref (message);
    }
}

static void
echo_fresh (ChanReceiver *requests, const BenchItem *item)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (item->size), item->size);
  g_autoptr (ChanMessage) body = chan_message_new_from_bytes (bytes);
  ChanMessage *message;

  while ((message = next (requests)) != NULL)
    {
      g_autoptr (GObject) reply = chan_message_steal_handle (message, 0);

      answer (CHAN_SENDER (reply), body);
      chan_sender_close (CHAN_SENDER (reply));
      chan_message_unref (message);
    }
}

static void
sink (ChanReceiver *requests, ChanSender *reply)
{
  ChanMessage *message;
  g_autoptr (ChanMessage) end = chan_message_new (g_variant_new_boolean (TRUE));

  while ((message = next (requests)) != NULL)
    chan_message_unref (message);
  answer (reply, end);
}

static void
drain_stream (ChanReceiver *requests, ChanSender *reply)
{
  static char buffer[65536];
  g_autoptr (ChanMessage) message = next (requests);
  g_autoptr (GObject) stream = chan_message_steal_handle (message, 0);
  g_autoptr (ChanMessage) end = chan_message_new (g_variant_new_boolean (TRUE));

  while (g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (stream)), buffer, sizeof buffer, NULL, NULL) > 0)
    continue;
  answer (reply, end);
}

static void
handle (ChanReceiver *receiver, ChanMessage *message, const GError *error, gpointer data)
{
  gpointer *context = data;
  const BenchItem *item = context[0];
  ChanSender *reply = context[1];
  g_autoptr (GError) failure = NULL;

  if (message != NULL && g_str_equal (item->mode, "sink-dict"))
    bench_read_dict (chan_message_get_body (message));
  else if (message != NULL && g_str_equal (item->mode, "echo-loop"))
    {
      if (!chan_sender_try_send (reply, message, &failure))
        bench_fail ("answer", failure);
    }
  else if (message == NULL)
    {
      g_autoptr (ChanMessage) end = chan_message_new (g_variant_new_boolean (TRUE));

      chan_sender_try_send (reply, end, NULL);
    }
}

static void
in_loop (ChanReceiver *requests, ChanSender *reply, const BenchItem *item)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  gpointer context[] = { (gpointer) item, reply };

  chan_receiver_set_handler (requests, handle, context, NULL);
  g_main_loop_run (loop);
}

static void
serve_channel (const BenchItem *item, ChanReceiver *requests)
{
  g_autoptr (ChanMessage) first = next (requests);
  g_autoptr (GObject) reply = first != NULL ? chan_message_steal_handle (first, 0) : NULL;
  const char *mode = item->mode;

  if (reply == NULL)
    bench_fail ("first message", NULL);
  if (g_str_equal (mode, "echo"))
    echo (requests, CHAN_SENDER (reply));
  else if (g_str_equal (mode, "fresh"))
    echo_fresh (requests, item);
  else if (g_str_equal (mode, "sink"))
    sink (requests, CHAN_SENDER (reply));
  else if (g_str_equal (mode, "stream"))
    drain_stream (requests, CHAN_SENDER (reply));
  else
    in_loop (requests, CHAN_SENDER (reply), item);
  pause ();
}

void
bench_serve (const BenchItem *item, int control)
{
  g_autofree char *uri = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanListener) listener = NULL;
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanReceiver) requests = NULL;

  if (g_str_equal (item->transport, "unix"))
    uri = g_strdup_printf ("unix:%s/chan-%d", bench_directory, getpid ());
  else if (g_str_has_prefix (item->transport, "dbus"))
    uri = bench_dbus_uri (item);
  else
    uri = g_strdup_printf ("%s://127.0.0.1:0", item->transport);
  listener = chan_listen (uri, NULL, &error);
  if (listener == NULL)
    bench_fail ("listen", error);
  bench_say (control, chan_listener_get_uri (listener));
  session = chan_listener_accept (listener, NULL, &error);
  requests = session != NULL ? chan_session_accept_channel (session, NULL, &error) : NULL;
  if (requests == NULL)
    bench_fail ("accept", error);
  serve_channel (item, requests);
}

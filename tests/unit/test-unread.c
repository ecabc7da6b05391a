/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a peer sends and nobody takes stays within max-unread-bytes, in whatever way it is sent; and it is only held
 * back: as soon as the application takes, the rest comes. With the argument "dbus": over D-Bus, in method calls. */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <libchan-glib/libchan-glib.h>

#define PATIENCE_US (20 * G_USEC_PER_SEC)
#define KIB ((gsize) 1024)
#define MIB (1024 * KIB)

typedef struct
{
  char *directory;
  ChanListener *listener;
  ChanSession *client, *server;
} Fixture;

static gboolean over_dbus;

static gint64
soon (void)
{
  return g_get_monotonic_time () + PATIENCE_US;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = NULL;

  f->directory = g_dir_make_tmp ("chan-unread-XXXXXX", NULL);
  uri = g_strdup_printf (over_dbus ? "dbus:unix:path=%s/s?direct=never&capacity=100000&%s" : "unix:%s/s?capacity=100000&%s",
                         f->directory, (const char *) data);
  f->listener = chan_listen (uri, NULL, &error);
  g_assert_no_error (error);
  f->client = chan_connect (uri, NULL, &error);
  g_assert_no_error (error);
  f->server = chan_listener_accept_until (f->listener, soon (), NULL, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_autofree char *path = g_build_filename (f->directory, "s", NULL);

  g_clear_object (&f->client);
  g_clear_object (&f->server);
  g_clear_object (&f->listener);
  g_unlink (path);
  g_rmdir (f->directory);
  g_free (f->directory);
}

static guint64
count (Fixture *f, const char *what)
{
  g_autoptr (GVariant) statistics = chan_session_dup_statistics (f->server);
  guint64 value = G_MAXUINT64;

  g_assert_true (g_variant_lookup (statistics, what, "t", &value));
  return value;
}

/* When nothing more comes. */
static guint64
count_at_rest (Fixture *f, const char *what)
{
  guint64 before, now = count (f, what);

  do
    {
      before = now;
      g_usleep (500000);
      now = count (f, what);
    }
  while (now != before);
  return now;
}

static void
wait_for_none (Fixture *f)
{
  gint64 deadline = soon ();

  while (count (f, "unread-bytes") > 0 && g_get_monotonic_time () < deadline)
    g_usleep (10000);
  g_assert_cmpuint (count (f, "unread-bytes"), ==, 0);
}

static ChanMessage *
make_message (gsize size)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (size), size);

  return chan_message_new_from_bytes (bytes);
}

static ChanReceiver *
accept_one (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  ChanReceiver *rx = chan_session_accept_channel_until (f->server, soon (), NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (rx);
  return rx;
}

static ChanSender *
open_one (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  ChanSender *tx = chan_session_open_channel (f->client, NULL, &error);

  g_assert_no_error (error);
  return tx;
}

static void
expect (ChanReceiver *rx, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_receiver_receive_until (rx, soon (), NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (message);
  g_assert_cmpuint (g_bytes_get_size (chan_message_get_bytes (message)), ==, size);
}

static void
exchange_small (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSender) tx = open_one (f);
  g_autoptr (ChanMessage) message = make_message (10);
  g_autoptr (ChanReceiver) rx = NULL;

  g_assert_true (chan_sender_send_until (tx, message, soon (), NULL, &error));
  g_assert_no_error (error);
  rx = accept_one (f);
  expect (rx, 10);
  chan_sender_close (tx);
  g_assert_null (chan_receiver_receive_until (rx, soon (), NULL, &error));
  g_assert_no_error (error);
}

/* --- streams that are reset ------------------------------------------------- */

#define RESETS 300
#define RESET_SIZE ((gsize) 30000)

/* One message, then no close, and now. */
static void
send_and_abort (Fixture *f)
{
  g_autoptr (GError) reason = g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET, "done with it");
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSender) tx = open_one (f);
  g_autoptr (ChanMessage) message = make_message (RESET_SIZE);

  chan_sender_send_until (tx, message, soon (), NULL, &error);
  g_assert_no_error (error);
  chan_sender_abort (tx, reason);
}

static gpointer
send_resets (gpointer data)
{
  for (guint i = 0; i < RESETS; i++)
    send_and_abort (data);
  return NULL;
}

/* Some transports take all of it and drop what had no credit, over others the sender waits. */
static GThread *
fill_with_resets (Fixture *f)
{
  GThread *thread = g_thread_new ("send", send_resets, f);

  g_assert_cmpuint (count_at_rest (f, "unread-bytes"), <=, 5 * MIB);
  g_assert_cmpuint (count (f, "unread-bytes"), >=, MIB);
  return thread;
}

static void
test_resets (Fixture *f, gconstpointer data)
{
  guint64 n_messages = 0;
  GThread *thread = fill_with_resets (f);

  for (guint i = 0; i < RESETS; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanReceiver) rx = accept_one (f);
      ChanMessage *message;

      while ((message = chan_receiver_receive_until (rx, soon (), NULL, &error)) != NULL)
        {
          n_messages++;
          chan_message_unref (message);
        }
      g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
    }
  /* A reset takes with it what had no credit yet; what came is all there. */
  g_assert_cmpuint (n_messages, ==, count (f, "messages-in"));
  g_thread_join (thread);
  wait_for_none (f);
  exchange_small (f);
}

/* Not taken, but dropped: that is released too. */
static void
test_resets_dropped (Fixture *f, gconstpointer data)
{
  GThread *thread = fill_with_resets (f);

  for (guint i = 0; i < RESETS; i++)
    g_object_unref (accept_one (f));
  g_thread_join (thread);
  wait_for_none (f);
  exchange_small (f);
}

/* The queue outlives the session. */
static void
test_resets_session_gone (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  send_and_abort (f);
  rx = accept_one (f);
  count_at_rest (f, "unread-bytes");
  chan_session_abort (f->server);
  g_clear_object (&f->server);
  expect (rx, RESET_SIZE);
  g_assert_null (chan_receiver_receive_until (rx, soon (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
}

/* --- large messages ------------------------------------------------------------ */

#define LARGE 20
#define LARGE_SIZE (3 * MIB)

static gpointer
send_large (gpointer data)
{
  ChanSender *tx = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = make_message (LARGE_SIZE);

  chan_sender_send_until (tx, message, soon (), NULL, &error);
  chan_sender_close (tx);
  g_object_unref (tx);
  return NULL;
}

/* One large message on each of many channels. */
static void
fill_with_large (Fixture *f, GThread **threads, ChanReceiver **receivers)
{
  for (guint i = 0; i < LARGE; i++)
    {
      threads[i] = g_thread_new ("send", send_large, open_one (f));
      receivers[i] = accept_one (f);
    }
  g_assert_cmpuint (count_at_rest (f, "unread-bytes"), <=, 16 * MIB);
  g_assert_cmpuint (count (f, "unread-bytes"), >=, LARGE_SIZE);
}

static void
test_large (Fixture *f, gconstpointer data)
{
  GThread *threads[LARGE];
  ChanReceiver *receivers[LARGE];

  fill_with_large (f, threads, receivers);
  /* Who is read goes on: small ones, and large ones in any order, though the first to come fill the place. */
  exchange_small (f);
  for (guint i = LARGE; i-- > 0;)
    {
      expect (receivers[i], LARGE_SIZE);
      g_object_unref (receivers[i]);
      g_assert_cmpuint (count (f, "unread-bytes"), <=, 16 * MIB);
    }
  for (guint i = 0; i < LARGE; i++)
    g_thread_join (threads[i]);
  wait_for_none (f);
}

/* Where large ones come in any order, until some are taken. */
static void
test_large_in_turn (Fixture *f, gconstpointer data)
{
  GThread *threads[LARGE];
  ChanReceiver *receivers[LARGE];
  gint64 deadline = soon ();
  guint n = 0;

  fill_with_large (f, threads, receivers);
  while (n < LARGE && g_get_monotonic_time () < deadline)
    for (guint i = 0; i < LARGE; i++)
      {
        g_autoptr (ChanMessage) message = NULL;

        if (receivers[i] != NULL)
          chan_receiver_try_receive (receivers[i], &message, NULL);
        g_assert_cmpuint (count (f, "unread-bytes"), <=, 16 * MIB);
        if (message == NULL)
          continue;
        g_clear_object (&receivers[i]);
        n++;
      }
  g_assert_cmpuint (n, ==, LARGE);
  for (guint i = 0; i < LARGE; i++)
    g_thread_join (threads[i]);
  wait_for_none (f);
  exchange_small (f);
}

static void
test_large_dropped (Fixture *f, gconstpointer data)
{
  GThread *threads[LARGE];
  ChanReceiver *receivers[LARGE];

  fill_with_large (f, threads, receivers);
  for (guint i = 0; i < LARGE; i++)
    g_object_unref (receivers[i]);
  for (guint i = 0; i < LARGE; i++)
    g_thread_join (threads[i]);
  wait_for_none (f);
  exchange_small (f);
}

/* --- very many small ones ---------------------------------------------------------- */

#define TINY 15000

static gpointer
send_tiny (gpointer data)
{
  ChanSender *tx = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = make_message (1);

  for (guint i = 0; i < TINY && error == NULL; i++)
    chan_sender_send_until (tx, message, soon (), NULL, &error);
  g_assert_no_error (error);
  chan_sender_close (tx);
  g_object_unref (tx);
  return NULL;
}

static gpointer
receive_tiny (gpointer data)
{
  g_autoptr (ChanReceiver) rx = data;

  for (guint i = 0; i < TINY; i++)
    expect (rx, 1);
  return NULL;
}

static void
test_tiny (Fixture *f, gconstpointer data)
{
  GThread *threads[2], *readers[2];
  ChanReceiver *receivers[2];
  ChanSender *senders[2];

  /* One that is full would be in the way of the other. */
  for (guint i = 0; i < 2; i++)
    {
      senders[i] = open_one (f);
      receivers[i] = accept_one (f);
    }
  for (guint i = 0; i < 2; i++)
    threads[i] = g_thread_new ("send", send_tiny, senders[i]);
  /* 2048 messages at 256 bytes each, and what one read brings. */
  g_assert_cmpuint (count_at_rest (f, "messages-in"), <, 7000);
  g_assert_cmpuint (count (f, "messages-in"), >=, 1000);
  for (guint i = 0; i < 2; i++)
    readers[i] = g_thread_new ("receive", receive_tiny, receivers[i]);
  for (guint i = 0; i < 2; i++)
    {
      g_thread_join (threads[i]);
      g_thread_join (readers[i]);
    }
  wait_for_none (f);
}

#define ADD_DBUS(name, options, func) g_test_add ("/unread/dbus/" name, Fixture, options, set_up, func, tear_down)

static void
add_dbus (void)
{
  static const char few[] = "max-unread-bytes=4194304&session-window=1048576&max-message-bytes=65536";

  over_dbus = TRUE;
  ADD_DBUS ("of-channels-that-were-reset", few, test_resets);
  ADD_DBUS ("of-channels-that-were-reset-is-released-when-dropped", few, test_resets_dropped);
  ADD_DBUS ("of-channels-that-were-reset-outlives-the-session", few, test_resets_session_gone);
  ADD_DBUS ("large-messages", "max-unread-bytes=16777216", test_large_in_turn);
  ADD_DBUS ("large-messages-are-released-when-dropped", "max-unread-bytes=16777216", test_large_dropped);
  ADD_DBUS ("very-many-small-messages", "max-unread-bytes=524288&session-window=400000&max-message-bytes=1024", test_tiny);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (argc > 1 && g_str_equal (argv[1], "dbus"))
    {
      add_dbus ();
      return g_test_run ();
    }
#define ADD(name, options, func) g_test_add ("/unread/" name, Fixture, options, set_up, func, tear_down)
  ADD ("of-streams-that-were-reset", "", test_resets);
  ADD ("of-streams-that-were-reset-is-released-when-dropped", "", test_resets_dropped);
  ADD ("of-streams-that-were-reset-outlives-the-session", "", test_resets_session_gone);
  ADD ("large-messages", "max-unread-bytes=16777216", test_large);
  ADD ("large-messages-are-released-when-dropped", "max-unread-bytes=16777216", test_large_dropped);
  ADD ("very-many-small-messages", "max-unread-bytes=524288&session-window=262144&stream-window=65536&max-message-bytes=1024",
       test_tiny);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two ends of a transfer, each a process that a test can stop and kill.
 *
 *   dbus-peer receive URI            listens, says "listening", then "begun" at the first message; checks the order
 *   dbus-peer send URI COUNT SIZE    sends so many messages of that size, and closes
 *   dbus-peer hold URI COUNT SIZE    the same, but says "held" after the first, when all calls are answered, and waits for
 *                                    SIGUSR1; and for another before it goes
 *   dbus-peer odd URI STREAMS SIZE   sends a message with so many byte streams and bytes, says "sent" or why not,
 *                                    and then an ordinary one, on the same channel
 *   dbus-peer bytes URI              listens, says "listening", "begun" when a message brought a byte stream, and reads that to
 *                                    its end when another has come, or half a second after the channel's end
 *   dbus-peer wait URI CHANNELS      opens channels, says "waiting", and waits for each to end
 *   dbus-peer share URI...           connects to each over one connection, and sends to all until an error, of which
 *                                    it says "ended" and the number of the session. Says "passed" for each 500 messages
 *                                    to the last
 *   dbus-peer closing URI            listens, says "listening", closes the listener at SIGUSR1, which it keeps, says "closed"
 *   dbus-peer authorize URI USER     listens, says "listening", then who asks to come in, and lets only this one
 *
 * The last line says how it ended: "closed N", or "error N DOMAIN CODE TEXT"; that of wait how many were lost. Before it,
 * receive and send say "peak N": the most memory that they held, in KiB (VmHWM). */
#include <libchan-glib/libchan-glib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
say (const char *line)
{
  g_print ("%s\n", line);
  fflush (stdout);
}

static int
ended (guint64 n, const GError *error)
{
  g_autofree char *line = NULL;

  if (error == NULL)
    line = g_strdup_printf ("closed %" G_GUINT64_FORMAT, n);
  else
    line = g_strdup_printf ("error %" G_GUINT64_FORMAT " %s %d %s", n, g_quark_to_string (error->domain), error->code, error->message);
  say (line);
  return 0;
}

static void
say_peak (void)
{
  g_autofree char *status = NULL;
  g_autofree char *line = NULL;
  const char *found = NULL;

  if (g_file_get_contents ("/proc/self/status", &status, NULL, NULL))
    found = strstr (status, "\nVmHWM:");
  if (found == NULL)
    g_error ("/proc/self/status has no VmHWM");
  line = g_strdup_printf ("peak %" G_GUINT64_FORMAT, g_ascii_strtoull (found + strlen ("\nVmHWM:"), NULL, 10));
  say (line);
}

static guint64
number_of (ChanMessage *message)
{
  g_autoptr (GVariant) number = g_variant_get_child_value (chan_message_get_body (message), 0);

  return g_variant_get_uint64 (number);
}

static int
receive_all (const char *uri)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanListener) listener = chan_listen (uri, NULL, &error);
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanReceiver) receiver = NULL;
  ChanMessage *message;
  guint64 n = 0;

  if (listener == NULL)
    return ended (0, error);
  say ("listening");
  session = chan_listener_accept (listener, NULL, &error);
  receiver = session != NULL ? chan_session_accept_channel (session, NULL, &error) : NULL;
  while (receiver != NULL && (message = chan_receiver_receive (receiver, NULL, &error)) != NULL)
    {
      if (number_of (message) != n)
        g_error ("message %" G_GUINT64_FORMAT " came where %" G_GUINT64_FORMAT " was due", number_of (message), n);
      /* What it brought is kept, or its other end would see it closed. */
      if (chan_message_get_n_handles (message) == 0)
        chan_message_unref (message);
      if (n++ == 0)
        say ("begun");
    }
  /* In order, or the other end might see the process end first. */
  if (session != NULL && error == NULL)
    chan_session_close (session, NULL, NULL);
  say_peak ();
  return ended (n, error);
}

static GVariant *
new_payload (gsize size)
{
  g_autofree guint8 *bytes = g_malloc0 (size);

  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, size, 1);
}

static gboolean
send_one (ChanSender *sender, guint64 number, gsize size, GError **error)
{
  GVariant *payload = new_payload (size);
  g_autoptr (ChanMessage) message = chan_message_new (g_variant_new ("(t@ay)", number, payload));

  return chan_sender_send (sender, message, NULL, error);
}

/* In all threads */
static void
block_signal (sigset_t *signals)
{
  sigemptyset (signals);
  sigaddset (signals, SIGUSR1);
  pthread_sigmask (SIG_BLOCK, signals, NULL);
}

static int
send_all (const char *uri, guint64 count, gsize size, gboolean held)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanSender) sender = NULL;
  sigset_t signals;
  guint64 n = 0;
  int which;

  block_signal (&signals);
  session = chan_connect (uri, NULL, &error);
  sender = session != NULL ? chan_session_open_channel (session, "bulk", &error) : NULL;
  if (held && sender != NULL && send_one (sender, n++, size, &error) && chan_session_ping (session, NULL, NULL, &error))
    {
      say ("held");
      sigwait (&signals, &which);
    }
  while (sender != NULL && error == NULL && n < count && send_one (sender, n, size, &error))
    n++;
  if (error == NULL && sender != NULL)
    {
      chan_sender_close (sender);
      chan_session_close (session, NULL, &error);
    }
  /* What comes behind a refused message is refused too: when this is, the bus has seen all that was sent. */
  else if (held && session != NULL)
    chan_session_ping (session, NULL, NULL, NULL);
  say_peak ();
  ended (n, error);
  if (held)
    sigwait (&signals, &which);
  return 0;
}

static gboolean
send_odd (ChanSender *sender, guint64 number, guint n_streams, gsize size, GError **error)
{
  g_autofree GIOStream **ours = g_new0 (GIOStream *, n_streams + 1);
  g_autofree GObject **handles = g_new0 (GObject *, n_streams + 1);
  GVariant *payload = new_payload (size);
  g_autoptr (ChanMessage) message = NULL;

  for (guint i = 0; i < n_streams; i++)
    {
      GIOStream *theirs;

      chan_byte_pipe_new (&ours[i], &theirs);
      handles[i] = G_OBJECT (theirs);
    }
  message = chan_message_new_with_handles (g_variant_new ("(t@ay)", number, payload), handles, n_streams);
  return chan_sender_send (sender, message, NULL, error);
}

static int
send_odd_and_another (const char *uri, guint n_streams, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = chan_connect (uri, NULL, &error);
  g_autoptr (ChanSender) sender = session != NULL ? chan_session_open_channel (session, "odd", &error) : NULL;
  gboolean sent;

  if (sender == NULL)
    return ended (0, error);
  sent = send_odd (sender, 0, n_streams, size, &error);
  if (sent)
    say ("sent");
  else
    ended (0, error);
  g_clear_error (&error);
  send_odd (sender, sent ? 1 : 0, 0, 10, &error);
  if (error == NULL)
    {
      chan_sender_close (sender);
      chan_session_close (session, NULL, &error);
    }
  return ended (1, error);
}

static GIOStream *
take_stream (ChanReceiver *receiver, GError **error)
{
  g_autoptr (ChanMessage) message = chan_receiver_receive (receiver, NULL, error);

  return message != NULL ? G_IO_STREAM (chan_message_steal_handle (message, 0)) : NULL;
}

static int
read_bytes (const char *uri)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanListener) listener = chan_listen (uri, NULL, &error);
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanReceiver) receiver = NULL;
  g_autoptr (ChanMessage) go = NULL;
  g_autoptr (GIOStream) stream = NULL;
  guint8 buffer[4096];
  gssize n = 1;
  guint64 all = 0;

  if (listener == NULL)
    return ended (0, error);
  say ("listening");
  session = chan_listener_accept (listener, NULL, &error);
  receiver = session != NULL ? chan_session_accept_channel (session, NULL, &error) : NULL;
  stream = receiver != NULL ? take_stream (receiver, &error) : NULL;
  if (stream == NULL)
    return ended (0, error);
  say ("begun");
  go = chan_receiver_receive (receiver, NULL, &error);
  if (go == NULL && error == NULL)
    g_usleep (500000);
  while (error == NULL && n > 0)
    {
      n = g_input_stream_read (g_io_stream_get_input_stream (stream), buffer, sizeof buffer, NULL, &error);
      all += n > 0 ? (guint64) n : 0;
    }
  return ended (all, error);
}

static gpointer
wait_for_end (gpointer sender)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSender) answers = NULL;
  g_autoptr (ChanReceiver) answer = NULL;
  g_autoptr (ChanMessage) request = NULL;
  g_autoptr (ChanMessage) message = NULL;

  /* The session had ended before. */
  if (sender == NULL)
    return GUINT_TO_POINTER (TRUE);
  chan_pipe_new (1, &answers, &answer);
  request = chan_message_new_with_handles (g_variant_new ("(th)", (guint64) 0, 0), (GObject **) &answers, 1);
  if (chan_sender_send (sender, request, NULL, &error))
    message = chan_receiver_receive (answer, NULL, &error);
  return GUINT_TO_POINTER (error != NULL && !g_error_matches (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED));
}

static int
wait_for_all (const char *uri, guint n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = chan_connect (uri, NULL, &error);
  g_autofree GThread **threads = g_new0 (GThread *, n);
  g_autofree ChanSender **senders = g_new0 (ChanSender *, n);
  guint lost = 0;

  if (session == NULL)
    return ended (0, error);
  for (guint i = 0; i < n; i++)
    {
      senders[i] = chan_session_open_channel (session, NULL, NULL);
      threads[i] = g_thread_new ("waits", wait_for_end, senders[i]);
    }
  g_usleep (300000);
  say ("waiting");
  for (guint i = 0; i < n; i++)
    {
      lost += GPOINTER_TO_UINT (g_thread_join (threads[i]));
      g_clear_object (&senders[i]);
    }
  return ended (lost, NULL);
}

typedef struct
{
  int index;
  ChanSession *session;
  gboolean is_last;
} Shared;

static gpointer
send_until_error (gpointer data)
{
  Shared *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSender) sender = chan_session_open_channel (self->session, "bulk", &error);
  g_autofree char *line = NULL;
  guint64 n;

  for (n = 0; error == NULL; n++)
    {
      g_autoptr (ChanMessage) message = chan_message_new (g_variant_new ("(ts)", n, ""));

      if (self->is_last && n > 0 && n % 500 == 0)
        say ("passed");
      chan_sender_send (sender, message, NULL, &error);
    }
  line = g_strdup_printf ("ended %d %s %d %s", self->index, g_quark_to_string (error->domain), error->code, error->message);
  say (line);
  return NULL;
}

/* Until it is killed */
static int
share (char **uris, int n)
{
  g_autoptr (GError) error = NULL;
  g_autofree Shared *sessions = g_new0 (Shared, n);

  for (int i = 0; i < n; i++)
    {
      sessions[i] = (Shared){ i, chan_connect (uris[i], NULL, &error), i == n - 1 };
      if (sessions[i].session == NULL)
        return ended (0, error);
    }
  for (int i = 0; i < n - 1; i++)
    g_thread_new ("sends", send_until_error, &sessions[i]);
  g_usleep (500000);
  g_thread_join (g_thread_new ("sends", send_until_error, &sessions[n - 1]));
  return 0;
}

static gboolean
may_come_in (ChanListener *listener, ChanSession *session, gpointer user)
{
  g_autoptr (GCredentials) peer = chan_session_get_peer_credentials (session);
  guint uid = peer != NULL ? g_credentials_get_unix_user (peer, NULL) : G_MAXUINT;
  g_autofree char *line = g_strdup_printf ("asked for %u, process %d", uid, peer != NULL ? g_credentials_get_unix_pid (peer, NULL) : 0);

  say (line);
  return uid == GPOINTER_TO_UINT (user);
}

/* Until it is killed */
static int
authorize_all (const char *uri, guint user)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanListener) listener = chan_listen (uri, NULL, &error);

  if (listener == NULL)
    return ended (0, error);
  g_signal_connect (listener, "authorize", G_CALLBACK (may_come_in), GUINT_TO_POINTER (user));
  say ("listening");
  for (;;)
    {
      g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();

      g_main_context_iteration (context, TRUE);
    }
}

/* Until it is killed */
static int
close_listener (const char *uri)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanListener) listener = NULL;
  sigset_t signals;
  int which;

  block_signal (&signals);
  listener = chan_listen (uri, NULL, &error);
  if (listener == NULL)
    return ended (0, error);
  say ("listening");
  sigwait (&signals, &which);
  chan_listener_close (listener);
  say ("closed");
  for (;;)
    pause ();
}

int
main (int argc, char **argv)
{
  if (argc == 3 && strcmp (argv[1], "receive") == 0)
    return receive_all (argv[2]);
  if (argc == 5 && (strcmp (argv[1], "send") == 0 || strcmp (argv[1], "hold") == 0))
    return send_all (argv[2], g_ascii_strtoull (argv[3], NULL, 10), (gsize) g_ascii_strtoull (argv[4], NULL, 10), argv[1][0] == 'h');
  if (argc == 3 && strcmp (argv[1], "bytes") == 0)
    return read_bytes (argv[2]);
  if (argc == 4 && strcmp (argv[1], "wait") == 0)
    return wait_for_all (argv[2], (guint) g_ascii_strtoull (argv[3], NULL, 10));
  if (argc == 5 && strcmp (argv[1], "odd") == 0)
    return send_odd_and_another (argv[2], (guint) g_ascii_strtoull (argv[3], NULL, 10), (gsize) g_ascii_strtoull (argv[4], NULL, 10));
  if (argc > 2 && strcmp (argv[1], "share") == 0)
    return share (argv + 2, argc - 2);
  if (argc == 3 && strcmp (argv[1], "closing") == 0)
    return close_listener (argv[2]);
  if (argc == 4 && strcmp (argv[1], "authorize") == 0)
    return authorize_all (argv[2], (guint) g_ascii_strtoull (argv[3], NULL, 10));
  g_printerr ("usage: dbus-peer receive URI | bytes URI | send URI COUNT SIZE | hold URI COUNT SIZE | odd URI STREAMS SIZE | wait URI CHANNELS | share URI... | closing URI | authorize URI USER\n");
  return 2;
}

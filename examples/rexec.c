/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a command elsewhere as if it were here: input, output, signals and exit
 * status pass through one message's channels. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib-unix.h>
#include <libchan-glib/libchan-glib.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "example.h"

/* The command's own exit status is passed on; these are ours. */
enum
{
  EXIT_USAGE = 240,
  EXIT_BAD_CONFIG,
  EXIT_NO_TRANSPORT,
  EXIT_CANNOT_CONNECT,
  EXIT_NOT_TRUSTED,
  EXIT_PROTOCOL,
  EXIT_LOST,
  EXIT_REFUSED,
  EXIT_OTHER_NAME,
  EXIT_OTHER,
};

static const char exit_text[] =
  "Exit status: that of the command (128+n if signal n ended it, 127 if there is\n"
  "no such command, 126 if it cannot be run), or\n"
  "  240  wrong usage\n"
  "  241  wrong configuration, option or URI\n"
  "  242  no transport for the URI's scheme\n"
  "  243  cannot connect\n"
  "  244  not trusted or not allowed (certificate, permission)\n"
  "  245  the peer broke the protocol\n"
  "  246  the connection was lost before the command's status came\n"
  "  247  the server refused (too many commands)\n"
  "  248  the server's certificate is for another host name\n"
  "  249  local input or output failed, or anything else";

typedef struct
{
  GMainLoop *loop;
  ChanSession *session;
  ChanSender *requests;
  ChanSender *signals;    /* nullable: to the command */
  ChanReceiver *statuses;
  GPtrArray *streams;     /* both ends of the byte pipes: a half ends with its stream */
  guint n_outputs;        /* stdout and stderr that are not over */
  int status;             /* of the command; -1: not known */
  int failure;            /* our exit status; 0: none */
} Client;

static int
exit_code (const GError *error, gboolean connecting)
{
  if (error->domain == CHAN_CHANNEL_ERROR)
    switch ((ChanChannelError) error->code)
      {
      case CHAN_CHANNEL_ERROR_BAD_CONFIG:
        return EXIT_BAD_CONFIG;
      case CHAN_CHANNEL_ERROR_NO_TRANSPORT:
        return EXIT_NO_TRANSPORT;
      case CHAN_CHANNEL_ERROR_PERMISSION:
        return EXIT_NOT_TRUSTED;
      case CHAN_CHANNEL_ERROR_BAD_IDENTITY:
        return EXIT_OTHER_NAME;
      case CHAN_CHANNEL_ERROR_PROTOCOL:
      case CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE:
        return EXIT_PROTOCOL;
      case CHAN_CHANNEL_ERROR_LIMIT:
        return EXIT_REFUSED;
      case CHAN_CHANNEL_ERROR_CONNECTION_LOST:
      case CHAN_CHANNEL_ERROR_TIMED_OUT:
      case CHAN_CHANNEL_ERROR_RESET:
      case CHAN_CHANNEL_ERROR_CLOSED:
        return connecting ? EXIT_CANNOT_CONNECT : EXIT_LOST;
      default:
        return EXIT_OTHER;
      }
  return connecting ? EXIT_CANNOT_CONNECT : EXIT_OTHER;
}

static void
client_failed (Client *self, int code, const char *text)
{
  if (self->failure == 0)
    {
      g_printerr ("rexec: %s\n", text);
      self->failure = code;
    }
  g_main_loop_quit (self->loop);
}

static void
client_maybe_done (Client *self)
{
  if (self->n_outputs == 0 && self->status >= 0)
    g_main_loop_quit (self->loop);
}

/* --- streams -------------------------------------------------------------------- */

static void
output_over_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Client *self = data;
  g_autoptr (GError) error = NULL;

  self->n_outputs--;
  if (g_output_stream_splice_finish (G_OUTPUT_STREAM (object), result, &error) >= 0)
    client_maybe_done (self);
  else if (error->domain == CHAN_CHANNEL_ERROR)
    client_failed (self, exit_code (error, FALSE), error->message);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE))
    {
      /* Who reads our output has enough; that needs no words. */
      self->failure = self->failure != 0 ? self->failure : EXIT_OTHER;
      g_main_loop_quit (self->loop);
    }
  else
    client_failed (self, EXIT_OTHER, error->message);
}

static void
input_over_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  /* A command that reads no further ends the input; that is no failure. */
  if (g_output_stream_splice_finish (G_OUTPUT_STREAM (object), result, &error) < 0)
    g_debug ("the input was not read to its end: %s", error->message);
}

/* The end that goes to the server; the other is connected to a file descriptor. */
static GObject *
connect_fd (Client *self, int fd)
{
  g_autoptr (GIOStream) here = NULL;
  g_autoptr (GIOStream) there = NULL;

  chan_byte_pipe_new (&here, &there);
  if (fd == STDIN_FILENO)
    {
      g_autoptr (GInputStream) input = g_unix_input_stream_new (fd, FALSE);

      g_output_stream_splice_async (g_io_stream_get_output_stream (here), input, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET,
                                    G_PRIORITY_DEFAULT, NULL, input_over_cb, self);
    }
  else
    {
      g_autoptr (GOutputStream) output = g_unix_output_stream_new (fd, FALSE);

      self->n_outputs++;
      g_output_stream_splice_async (output, g_io_stream_get_input_stream (here), G_OUTPUT_STREAM_SPLICE_CLOSE_SOURCE,
                                    G_PRIORITY_DEFAULT, NULL, output_over_cb, self);
    }
  g_ptr_array_add (self->streams, g_steal_pointer (&here));
  g_ptr_array_add (self->streams, there);
  if (fd == STDIN_FILENO)
    return G_OBJECT (g_object_ref (g_io_stream_get_input_stream (g_steal_pointer (&there))));
  return G_OBJECT (g_object_ref (g_io_stream_get_output_stream (g_steal_pointer (&there))));
}

/* --- status and signals ----------------------------------------------------------- */

static gboolean
read_status (ChanMessage *message, int *ret_status)
{
  GVariant *body = chan_message_get_body (message);
  g_autoptr (GVariant) value = NULL;

  if (g_variant_is_of_type (body, G_VARIANT_TYPE_VARDICT))
    value = g_variant_lookup_value (body, "Status", NULL);
  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT32))
    *ret_status = g_variant_get_int32 (value);
  else if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    *ret_status = (int) g_variant_get_int64 (value);
  else
    return FALSE;
  return TRUE;
}

static void
status_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Client *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_receiver_receive_finish (CHAN_RECEIVER (object), result, &error);
  int status = -1;

  if (error != NULL)
    client_failed (self, exit_code (error, FALSE), error->message);
  else if (message == NULL || !read_status (message, &status))
    client_failed (self, EXIT_PROTOCOL, "the server sent no status");
  else
    {
      self->status = status & 0xff;
      client_maybe_done (self);
    }
}

static void
forward (Client *self, int number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = NULL;

  if (self->signals == NULL)
    {
      /* A peer without such a channel ends the command when the client goes. */
      client_failed (self, EXIT_OTHER, "interrupted; the server takes no signals");
      return;
    }
  message = chan_message_new (g_variant_new_parsed ("{'Signal': <%i>}", number));
  if (!chan_sender_try_send (self->signals, message, &error))
    g_debug ("a signal was not sent: %s", error->message);
}

#define FORWARD(NAME) \
  static gboolean forward_##NAME (gpointer data) { forward (data, NAME); return G_SOURCE_CONTINUE; }
FORWARD (SIGINT)
FORWARD (SIGTERM)
FORWARD (SIGHUP)
FORWARD (SIGUSR1)
FORWARD (SIGUSR2)

static void
forward_signals (Client *self)
{
  g_unix_signal_add (SIGINT, forward_SIGINT, self);
  g_unix_signal_add (SIGTERM, forward_SIGTERM, self);
  g_unix_signal_add (SIGHUP, forward_SIGHUP, self);
  g_unix_signal_add (SIGUSR1, forward_SIGUSR1, self);
  g_unix_signal_add (SIGUSR2, forward_SIGUSR2, self);
}

/* --- the request ------------------------------------------------------------------ */

static gboolean
client_request (Client *self, char **command, GError **error)
{
  g_autoptr (ChanSender) status_chan = NULL;
  g_autoptr (ChanReceiver) signal_chan = NULL;
  g_autoptr (ChanMessage) request = NULL;
  GObject *handles[5];
  GVariantDict dict;
  guint n = 0;
  gboolean ok;

  chan_pipe_new (1, &status_chan, &self->statuses);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "Cmd", "s", command[0]);
  g_variant_dict_insert_value (&dict, "Args", g_variant_new_strv ((const char *const *) command + 1, -1));
  g_variant_dict_insert (&dict, "Stdin", "h", n);
  handles[n++] = connect_fd (self, STDIN_FILENO);
  g_variant_dict_insert (&dict, "Stdout", "h", n);
  handles[n++] = connect_fd (self, STDOUT_FILENO);
  g_variant_dict_insert (&dict, "Stderr", "h", n);
  handles[n++] = connect_fd (self, STDERR_FILENO);
  g_variant_dict_insert (&dict, "StatusChan", "h", n);
  handles[n++] = g_object_ref (G_OBJECT (status_chan));
  /* The original's programs know no signals. */
  if (g_strcmp0 (chan_session_get_dialect (self->session), "2") != 0 &&
      g_strcmp0 (chan_session_get_dialect (self->session), "1") != 0)
    {
      chan_pipe_new (8, &self->signals, &signal_chan);
      g_variant_dict_insert (&dict, "Signals", "h", n);
      handles[n++] = g_object_ref (G_OBJECT (signal_chan));
    }
  request = chan_message_new_with_handles (g_variant_dict_end (&dict), handles, n);
  for (guint i = 0; i < n; i++)
    g_object_unref (handles[i]);
  ok = chan_sender_send (self->requests, request, NULL, error);
  chan_receiver_receive_async (self->statuses, G_PRIORITY_DEFAULT, NULL, status_cb, self);
  return ok;
}

static int
run (const char *uri, char **command)
{
  g_autoptr (GPtrArray) streams = g_ptr_array_new_with_free_func (g_object_unref);
  Client self = { .status = -1, .streams = streams };
  g_autoptr (GMainLoop) loop = self.loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = self.session = chan_connect (uri, NULL, &error);
  g_autoptr (ChanSender) requests = NULL;

  if (session == NULL)
    {
      g_printerr ("rexec: %s\n", error->message);
      return exit_code (error, TRUE);
    }
  requests = self.requests = chan_session_open_channel (session, "rexec", &error);
  if (requests == NULL || !client_request (&self, command, &error))
    {
      g_printerr ("rexec: %s\n", error->message);
      return exit_code (error, FALSE);
    }
  forward_signals (&self);
  g_main_loop_run (loop);
  if (self.failure == 0)
    chan_session_close_until (session, g_get_monotonic_time () + 2 * G_USEC_PER_SEC, NULL, NULL);
  g_clear_object (&self.signals);
  g_clear_object (&self.statuses);
  return self.failure != 0 ? self.failure : self.status;
}

/* In place of one that is closed, a file descriptor of the library would be read, or written to: reading gives the end
 * here, writing an error. */
static gboolean
fill_standard_fds (void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl (fd, F_GETFD) < 0 && open ("/dev/null", O_RDONLY) != fd)
      return FALSE;
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("URI|@NAME [--] CMD [ARG…]");
  g_autoptr (GError) error = NULL;
  int first;

  if (!fill_standard_fds ())
    return EXIT_OTHER;
  setlocale (LC_ALL, "");
  signal (SIGPIPE, SIG_IGN);
  g_option_context_set_summary (context, "Runs a command where a rexec-server listens, as if it were here.");
  g_option_context_set_description (context, exit_text);
  /* Options of the command are not ours. */
  g_option_context_set_strict_posix (context, TRUE);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      g_printerr ("rexec: %s\n", error->message);
      return EXIT_USAGE;
    }
  first = argc > 2 && g_str_equal (argv[2], "--") ? 3 : 2;
  if (argc <= first)
    {
      g_printerr ("rexec: a URI and a command are needed; see rexec --help\n");
      return EXIT_USAGE;
    }
  if (!example_check_utf8 (argv))
    return EXIT_USAGE;
  return run (argv[1], argv + first);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rexec-command.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_SEC 2
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127
#define STATUS_SIGNAL 128

typedef struct
{
  CommandDone done;
  gpointer user_data;
  ChanSender *status_chan; /* nullable */
  ChanReceiver *signals;   /* nullable */
  GIOStream *streams[3];   /* of the client; nullable */
  GPid pid;                /* 0: none, or reaped */
  int status;
  guint n_pending;         /* what must be over before the status is told */
  GCancellable *input;     /* of the copying to its stdin; NULL: that is over */
  guint kill_timer;
  char *last_words;        /* being written to its stderr */
} Command;

/* --- what the client said ----------------------------------------------------- */

static char **
read_arguments (ChanMessage *request)
{
  GVariant *body = chan_message_get_body (request);
  g_autoptr (GStrvBuilder) argv = g_strv_builder_new ();
  g_autoptr (GVariant) args = NULL;
  const char *cmd;

  if (!g_variant_is_of_type (body, G_VARIANT_TYPE_VARDICT) || !g_variant_lookup (body, "Cmd", "&s", &cmd))
    return NULL;
  g_strv_builder_add (argv, cmd);
  args = g_variant_lookup_value (body, "Args", NULL);
  for (gsize i = 0; args != NULL && g_variant_is_container (args) && i < g_variant_n_children (args); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (args, i);
      g_autoptr (GVariant) text = g_variant_is_of_type (child, G_VARIANT_TYPE_VARIANT) ? g_variant_get_variant (child)
                                                                                      : g_variant_ref (child);
      if (!g_variant_is_of_type (text, G_VARIANT_TYPE_STRING))
        return NULL;
      g_strv_builder_add (argv, g_variant_get_string (text, NULL));
    }
  return g_strv_builder_end (argv);
}

static gpointer
take_handle (ChanMessage *request, const char *key, GType type)
{
  GObject *handle = chan_message_lookup_handle (request, key);

  return handle != NULL && g_type_is_a (G_OBJECT_TYPE (handle), type) ? g_object_ref (handle) : NULL;
}

/* --- the end -------------------------------------------------------------------- */

static void
command_free (Command *self)
{
  g_clear_handle_id (&self->kill_timer, g_source_remove);
  for (guint i = 0; i < 3; i++)
    g_clear_object (&self->streams[i]);
  if (self->status_chan != NULL)
    g_signal_handlers_disconnect_by_data (self->status_chan, self);
  g_clear_object (&self->status_chan);
  if (self->signals != NULL)
    chan_receiver_close (self->signals);
  g_clear_object (&self->signals);
  g_clear_object (&self->input);
  g_free (self->last_words);
  g_free (self);
}

static void
status_sent_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!chan_sender_send_finish (CHAN_SENDER (object), result, &error))
    g_debug ("a status was not sent: %s", error->message);
  chan_sender_close (CHAN_SENDER (object));
}

static void
tell_status (ChanSender *status_chan, int status)
{
  g_autoptr (ChanMessage) message = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "Status", "i", status);
  message = chan_message_new (g_variant_dict_end (&dict));
  chan_sender_send_async (status_chan, message, G_PRIORITY_DEFAULT, NULL, status_sent_cb, NULL);
}

/* The status comes after all output was given away: nothing can overtake it. */
static void
command_step_over (Command *self)
{
  self->n_pending--;
  /* Nobody is left to read what the client may still type. */
  if (self->n_pending == 1 && self->pid == 0 && self->input != NULL)
    g_cancellable_cancel (self->input);
  if (self->n_pending > 0)
    return;
  if (self->status_chan != NULL)
    tell_status (self->status_chan, self->status);
  self->done (self, self->user_data);
  command_free (self);
}

/* --- signals -------------------------------------------------------------------- */

static void
command_signal (Command *self, int number)
{
  if (self->pid > 0)
    kill (-self->pid, number);
}

static gboolean
kill_cb (gpointer data)
{
  Command *self = data;

  self->kill_timer = 0;
  command_signal (self, SIGKILL);
  return G_SOURCE_REMOVE;
}

void
command_hang_up (gpointer command)
{
  Command *self = command;

  if (self->pid <= 0 || self->kill_timer != 0)
    return;
  command_signal (self, SIGHUP);
  command_signal (self, SIGCONT);
  self->kill_timer = g_timeout_add_seconds (GRACE_SEC, kill_cb, self);
}

static void
client_gone_cb (ChanSender *status_chan, gpointer command)
{
  command_hang_up (command);
}

static void
signal_cb (ChanReceiver *signals, ChanMessage *message, const GError *error, gpointer command)
{
  g_autoptr (GVariant) value = NULL;
  gint64 number = 0;

  if (message == NULL || !g_variant_is_of_type (chan_message_get_body (message), G_VARIANT_TYPE_VARDICT))
    return;
  value = g_variant_lookup_value (chan_message_get_body (message), "Signal", NULL);
  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    number = g_variant_get_int64 (value);
  else if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT32))
    number = g_variant_get_int32 (value);
  if (number > 0 && number < NSIG)
    command_signal (command, (int) number);
}

/* --- running -------------------------------------------------------------------- */

static void
exited_cb (GPid pid, int wait_status, gpointer command)
{
  Command *self = command;

  self->status = WIFSIGNALED (wait_status) ? STATUS_SIGNAL + WTERMSIG (wait_status) : WEXITSTATUS (wait_status);
  self->pid = 0;
  g_clear_handle_id (&self->kill_timer, g_source_remove);
  g_spawn_close_pid (pid);
  command_step_over (self);
}

static void
output_over_cb (GObject *object, GAsyncResult *result, gpointer command)
{
  g_autoptr (GError) error = NULL;

  if (g_output_stream_splice_finish (G_OUTPUT_STREAM (object), result, &error) < 0)
    g_debug ("output was cut: %s", error->message);
  command_step_over (command);
}

static void
input_over_cb (GObject *object, GAsyncResult *result, gpointer command)
{
  g_autoptr (GError) error = NULL;

  g_clear_object (&((Command *) command)->input);
  /* A command need not read its input; a client that is cut off is another matter. */
  if (g_output_stream_splice_finish (G_OUTPUT_STREAM (object), result, &error) < 0 && error->domain == CHAN_CHANNEL_ERROR)
    command_hang_up (command);
  command_step_over (command);
}

static void
start_splice (Command *self, GOutputStream *to, GInputStream *from, GCancellable *cancellable, GAsyncReadyCallback callback)
{
  self->n_pending++;
  g_output_stream_splice_async (to, from, G_OUTPUT_STREAM_SPLICE_CLOSE_SOURCE | G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET,
                                G_PRIORITY_DEFAULT, cancellable, callback, self);
}

static void
connect_input (Command *self, int fd)
{
  g_autoptr (GOutputStream) pipe_end = NULL;

  if (fd < 0)
    return;
  g_unix_set_fd_nonblocking (fd, TRUE, NULL);
  pipe_end = g_unix_output_stream_new (fd, TRUE);
  self->input = g_cancellable_new ();
  start_splice (self, pipe_end, g_io_stream_get_input_stream (self->streams[0]), self->input, input_over_cb);
}

static void
connect_output (Command *self, guint i, int fd)
{
  g_autoptr (GInputStream) pipe_end = NULL;

  if (fd < 0)
    return;
  g_unix_set_fd_nonblocking (fd, TRUE, NULL);
  pipe_end = g_unix_input_stream_new (fd, TRUE);
  start_splice (self, g_io_stream_get_output_stream (self->streams[i]), pipe_end, NULL, output_over_cb);
}

/* In the child. */
static void
child_setup (gpointer data)
{
  setpgid (0, 0);
  signal (SIGPIPE, SIG_DFL);
}

static gboolean
command_spawn (Command *self, char **argv, GError **error)
{
  int nothing = open ("/dev/null", O_RDWR | O_CLOEXEC);
  int fds[3] = { -1, -1, -1 };
  gboolean ok;

  ok = g_spawn_async_with_pipes_and_fds (NULL, (const char *const *) argv, NULL,
                                         G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES,
                                         child_setup, NULL,
                                         self->streams[0] != NULL ? -1 : nothing, self->streams[1] != NULL ? -1 : nothing,
                                         self->streams[2] != NULL ? -1 : nothing, NULL, NULL, 0, &self->pid,
                                         self->streams[0] != NULL ? &fds[0] : NULL, self->streams[1] != NULL ? &fds[1] : NULL,
                                         self->streams[2] != NULL ? &fds[2] : NULL, error);
  if (nothing >= 0)
    close (nothing);
  if (!ok)
    return FALSE;
  self->n_pending++;
  g_child_watch_add (self->pid, exited_cb, self);
  connect_input (self, fds[0]);
  connect_output (self, 1, fds[1]);
  connect_output (self, 2, fds[2]);
  return TRUE;
}

static void
line_written_cb (GObject *object, GAsyncResult *result, gpointer command)
{
  g_output_stream_write_all_finish (G_OUTPUT_STREAM (object), result, NULL, NULL);
  g_output_stream_close (G_OUTPUT_STREAM (object), NULL, NULL);
  command_step_over (command);
}

static void
say_on_stderr (Command *self, const char *text)
{
  self->last_words = g_strdup_printf ("rexec-server: %s\n", text);
  self->n_pending++;
  g_output_stream_write_all_async (g_io_stream_get_output_stream (self->streams[2]), self->last_words,
                                   strlen (self->last_words), G_PRIORITY_DEFAULT, NULL, line_written_cb, self);
}

/* What a shell would say: 127 if it is not there, 126 if it cannot be run. */
static void
command_failed (Command *self, const GError *error)
{
  gboolean found = !g_error_matches (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);

  self->status = found ? STATUS_NOT_EXECUTABLE : STATUS_NOT_FOUND;
  if (self->streams[2] != NULL)
    say_on_stderr (self, error->message);
  if (self->streams[1] != NULL)
    g_io_stream_close (self->streams[1], NULL, NULL);
}

gpointer
command_start (ChanMessage *request, CommandDone done, gpointer user_data)
{
  static const char *const keys[] = { "Stdin", "Stdout", "Stderr" };
  g_auto (GStrv) argv = read_arguments (request);
  g_autoptr (GError) error = NULL;
  Command *self;

  if (argv == NULL)
    return NULL;
  self = g_new0 (Command, 1);
  self->done = done;
  self->user_data = user_data;
  self->n_pending = 1;
  self->status_chan = take_handle (request, "StatusChan", CHAN_TYPE_SENDER);
  self->signals = take_handle (request, "Signals", CHAN_TYPE_RECEIVER);
  for (guint i = 0; i < 3; i++)
    self->streams[i] = take_handle (request, keys[i], G_TYPE_IO_STREAM);
  if (self->status_chan != NULL)
    g_signal_connect (self->status_chan, "peer-closed", G_CALLBACK (client_gone_cb), self);
  if (self->signals != NULL)
    chan_receiver_set_handler (self->signals, signal_cb, self, NULL);
  if (!command_spawn (self, argv, &error))
    command_failed (self, error);
  return self;
}

void
command_begun (gpointer command)
{
  command_step_over (command);
}

void
command_refuse (ChanMessage *request, const char *why)
{
  g_autoptr (ChanSender) status_chan = take_handle (request, "StatusChan", CHAN_TYPE_SENDER);
  g_autoptr (GError) reason = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, why);

  if (status_chan != NULL)
    chan_sender_abort (status_chan, reason);
}

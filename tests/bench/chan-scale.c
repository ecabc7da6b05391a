/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many sessions, and many channels in one, against an echo-server: that they all
 * work at the same time, and what each costs in memory, here and there. */
#include <gio/gio.h>
#include <libchan-glib/libchan-glib.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static int n_sessions = 1000;
static int n_channels = 10000;
static int limit_session_kib, limit_channel_bytes;
static char *program;
static char **arguments;

static const GOptionEntry options[] = {
  { "sessions", 0, 0, G_OPTION_ARG_INT, &n_sessions, "How many sessions (1000)", "N" },
  { "channels", 0, 0, G_OPTION_ARG_INT, &n_channels, "How many channels in one session (10000)", "N" },
  { "session-kib", 0, 0, G_OPTION_ARG_INT, &limit_session_kib, "Fail if a session costs a process more", "KIB" },
  { "channel-bytes", 0, 0, G_OPTION_ARG_INT, &limit_channel_bytes, "Fail if a channel costs a process more", "BYTES" },
  { "server", 0, 0, G_OPTION_ARG_FILENAME, &program, "The echo-server to start", "PROGRAM" },
  { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &arguments, NULL, "[URI to listen at]" },
  G_OPTION_ENTRY_NULL,
};

static void
check (gboolean ok, const char *what, const GError *error)
{
  if (ok)
    return;
  g_printerr ("chan-scale: %s: %s\n", what, error != NULL ? error->message : "failed");
  exit (1);
}

/* Bytes that are really there. */
static gsize
memory_of (const char *pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%s/statm", pid);
  g_autofree char *text = NULL;
  g_auto (GStrv) fields = NULL;

  check (g_file_get_contents (path, &text, NULL, NULL), path, NULL);
  fields = g_strsplit (text, " ", 3);
  return (gsize) g_ascii_strtoull (fields[1], NULL, 10) * 4096;
}

/* However this program ends, the server does too: the test runner waits for all who have its output open. */
static void
die_with_parent (gpointer data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

static GSubprocess *
start_server (char **uri)
{
  const char *argv[] = { program != NULL ? program : "echo-server", arguments != NULL ? arguments[0] : "tcp://127.0.0.1:0?max-streams=65536&max-sessions=4096", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autoptr (GDataInputStream) lines = NULL;
  GSubprocess *server;

  g_subprocess_launcher_set_child_setup (launcher, die_with_parent, NULL, NULL);
  server = g_subprocess_launcher_spawnv (launcher, argv, &error);
  check (server != NULL, argv[0], error);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (server));
  *uri = g_data_input_stream_read_line (lines, NULL, NULL, &error);
  check (*uri != NULL, "the server's address", error);
  return server;
}

static void
ask (ChanSender *requests, ChanSender *reply, guint64 number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = NULL;
  GObject *handle = G_OBJECT (reply);
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "P", "t", number);
  g_variant_dict_insert (&dict, "R", "h", 0);
  message = chan_message_new_with_handles (g_variant_dict_end (&dict), &handle, 1);
  check (chan_sender_send (requests, message, NULL, &error), "send", error);
}

static void
expect (ChanReceiver *answers, guint64 number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_receiver_receive_until (answers, g_get_monotonic_time () + 30 * G_USEC_PER_SEC, NULL, &error);
  guint64 payload = 0;

  check (message != NULL, "receive", error);
  check (g_variant_lookup (chan_message_get_body (message), "P", "t", &payload) && payload == number, "a wrong answer", NULL);
}

typedef struct
{
  GPtrArray *sessions, *channels;
  gsize here, there;
} Many;

static void
report (const char *what, Many *self, guint n, const char *pid, gsize limit)
{
  gsize here, there;

  malloc_trim (0);
  here = (MAX (memory_of ("self"), self->here) - self->here) / n;
  there = (MAX (memory_of (pid), self->there) - self->there) / n;
  g_print ("%u %s: %" G_GSIZE_FORMAT " bytes each in the client, %" G_GSIZE_FORMAT " in the server\n", n, what, here, there);
  check (limit == 0 || (here <= limit && there <= limit), "that is too much", NULL);
}

static void
begin (Many *self, const char *pid)
{
  malloc_trim (0);
  self->sessions = g_ptr_array_new_with_free_func (g_object_unref);
  self->channels = g_ptr_array_new_with_free_func (g_object_unref);
  self->here = memory_of ("self");
  self->there = memory_of (pid);
}

static void
end (Many *self)
{
  g_ptr_array_unref (self->channels);
  g_ptr_array_unref (self->sessions);
}

/* One question to each, then all the answers: they are open together. */
static void
exchange_on_all (GPtrArray *channels)
{
  g_autoptr (GPtrArray) answers = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < channels->len; i++)
    {
      g_autoptr (ChanSender) reply = NULL;
      ChanReceiver *receiver;

      chan_pipe_new (1, &reply, &receiver);
      g_ptr_array_add (answers, receiver);
      ask (channels->pdata[i], reply, i);
    }
  for (guint i = 0; i < answers->len; i++)
    expect (answers->pdata[i], i);
}

/* An idle session has nothing to write: credit and the ends of channels, which may wait a little, are on their way
 * before the answer comes. */
static void
settle (GPtrArray *sessions)
{
  for (guint i = 0; i < sessions->len; i++)
    {
      g_autoptr (GError) error = NULL;

      check (chan_session_ping_until (sessions->pdata[i], g_get_monotonic_time () + 30 * G_USEC_PER_SEC, NULL, NULL, &error), "ping", error);
    }
}

static void
many_sessions (const char *uri, const char *pid)
{
  gint64 start = g_get_monotonic_time ();
  Many self;

  begin (&self, pid);
  for (int i = 0; i < n_sessions; i++)
    {
      g_autoptr (GError) error = NULL;
      ChanSession *session = chan_connect (uri, NULL, &error);
      ChanSender *channel;

      check (session != NULL, "connect", error);
      g_ptr_array_add (self.sessions, session);
      channel = chan_session_open_channel (session, NULL, &error);
      check (channel != NULL, "open", error);
      g_ptr_array_add (self.channels, channel);
    }
  exchange_on_all (self.channels);
  g_print ("%d sessions, an exchange on each: %.3f s\n", n_sessions, (double) (g_get_monotonic_time () - start) / 1e6);
  settle (self.sessions);
  report ("sessions with a channel", &self, (guint) n_sessions, pid, (gsize) limit_session_kib * 1024);
  end (&self);
}

static void
many_channels (const char *uri, const char *pid)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = chan_connect (uri, NULL, &error);
  gint64 start = g_get_monotonic_time ();
  Many self;

  check (session != NULL, "connect", error);
  begin (&self, pid);
  for (int i = 0; i < n_channels; i++)
    {
      ChanSender *channel = chan_session_open_channel (session, NULL, &error);

      check (channel != NULL, "open", error);
      g_ptr_array_add (self.channels, channel);
    }
  exchange_on_all (self.channels);
  g_print ("%d channels, an exchange on each: %.3f s\n", n_channels, (double) (g_get_monotonic_time () - start) / 1e6);
  report ("channels", &self, (guint) n_channels, pid, (gsize) limit_channel_bytes);
  end (&self);
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GSubprocess) server = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = NULL;
  g_autofree char *pid = NULL;
  struct rlimit files;

  setlocale (LC_ALL, "");
  g_option_context_set_summary (context, "Opens many sessions, and many channels in one, to an echo-server that it starts;\n"
                                         "each must answer while all are open. Prints what they cost.");
  g_option_context_add_main_entries (context, options, NULL);
  check (g_option_context_parse (context, &argc, &argv, &error), "usage", error);
  getrlimit (RLIMIT_NOFILE, &files);
  files.rlim_cur = MIN (files.rlim_max, 65536);
  setrlimit (RLIMIT_NOFILE, &files);
  server = start_server (&uri);
  pid = g_strdup (g_subprocess_get_identifier (server));
  if (n_sessions > 0)
    many_sessions (uri, pid);
  if (n_channels > 0)
    many_channels (uri, pid);
  g_subprocess_send_signal (server, SIGTERM);
  check (g_subprocess_wait_check (server, NULL, &error), "the server's end", error);
  return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends files, each as a stream inside a message, and shows how far the other
 * side is. */
#include "example.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 40

typedef struct
{
  GMainLoop *loop;
  ChanSender *files;
  ChanReceiver *progresses;    /* of the file that is under way */
  char **paths;                /* it, and those that follow */
  char *name;
  gint64 size;
  int status;
} Sending;

static gboolean sending_start (Sending *self, GError **error);

static void
sending_fail (Sending *self, const GError *error)
{
  self->status = example_failed (error);
  g_main_loop_quit (self->loop);
}

static void
sending_next (Sending *self)
{
  g_autoptr (GError) error = NULL;

  g_clear_object (&self->progresses);
  g_clear_pointer (&self->name, g_free);
  self->paths++;
  if (self->paths[0] == NULL)
    g_main_loop_quit (self->loop);
  else if (!sending_start (self, &error))
    sending_fail (self, error);
}

static void
show (Sending *self, gint64 received)
{
  double part = self->size > 0 ? CLAMP ((double) received / (double) self->size, 0, 1) : 1;
  int done = (int) (part * WIDTH + 0.5);
  char bar[WIDTH + 1] = { 0 };

  memset (bar, ' ', WIDTH);
  memset (bar, '#', (gsize) done);
  g_print ("%s [%s] %d %%\n", self->name, bar, (int) (part * 100 + 0.5));
}

static void
progress_cb (ChanReceiver *receiver, ChanMessage *message, const GError *error, gpointer data)
{
  Sending *self = data;
  gint64 received;

  if (message != NULL && example_lookup_int64 (message, "Received", &received))
    show (self, received);
  else if (message != NULL)
    g_print ("%s has arrived\n", self->name);
  else if (error != NULL)
    sending_fail (self, error);
  else
    sending_next (self);
}

static void
sent_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  /* The channel for the progress ends then, too, and says it. */
  if (!chan_sender_send_finish (CHAN_SENDER (object), result, &error))
    g_debug ("not sent: %s", error->message);
}

/* The content is not read here: the library reads it as fast as it is taken. */
static gboolean
sending_start (Sending *self, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_commandline_arg (self->paths[0]);
  g_autoptr (GFileInputStream) content = g_file_read (file, NULL, error);
  g_autoptr (GFileInfo) info = content != NULL ? g_file_input_stream_query_info (content, G_FILE_ATTRIBUTE_STANDARD_SIZE, NULL, error) : NULL;
  g_autoptr (ChanSender) progress = NULL;
  g_autoptr (ChanMessage) message = NULL;
  GVariant *body;

  if (info == NULL)
    return FALSE;
  self->name = g_file_get_basename (file);
  self->size = g_file_info_get_size (info);
  chan_pipe_new (4, &progress, &self->progresses);
  chan_receiver_set_handler (self->progresses, progress_cb, self, NULL);
  body = g_variant_new_parsed ("{'Name': <%s>, 'Size': <%x>, 'Content': <handle 0>, 'Progress': <handle 1>}", self->name, self->size);
  message = chan_message_new_with_handles (body, (GObject *[]) { G_OBJECT (content), G_OBJECT (progress) }, 2);
  chan_sender_send_async (self->files, message, G_PRIORITY_DEFAULT, NULL, sent_cb, NULL);
  return TRUE;
}

static int
send_files (const char *uri, char **paths)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = chan_connect (uri, NULL, &error);
  g_autoptr (ChanSender) files = session != NULL ? chan_session_open_channel (session, "files", &error) : NULL;
  g_autoptr (GMainLoop) loop = example_loop_new ();
  Sending self = { .loop = loop, .files = files, .paths = paths };

  if (files == NULL || !sending_start (&self, &error))
    return example_failed (error);
  g_main_loop_run (loop);
  if (self.progresses != NULL)
    chan_receiver_set_handler (self.progresses, NULL, NULL, NULL);
  g_clear_object (&self.progresses);
  g_clear_pointer (&self.name, g_free);
  chan_sender_close (files);
  chan_session_close_until (session, g_get_monotonic_time () + 2 * G_USEC_PER_SEC, NULL, NULL);
  return self.status;
}

int
main (int argc, char **argv)
{
  char **arguments = example_arguments (argc, argv, "URI|@NAME FILE…", "Sends files, and shows how much of each has arrived.", 2);

  return send_files (arguments[0], arguments + 1);
}

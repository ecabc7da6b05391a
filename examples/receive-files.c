/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes files: {Name, Size, Content, Progress}. The content is a stream that is
 * read here as fast as the disk takes it; how much has arrived is told on
 * Progress, and at the end {Done: true}. */
#include "example.h"

#include <string.h>

#define CHUNK (256 * 1024)

/* A file that comes. */
typedef struct
{
  char *name;
  gint64 size;
  gint64 received;
  GIOStream *content;
  ChanSender *progress;
  GOutputStream *output;
} Arrival;

static void
arrival_free (Arrival *self)
{
  g_clear_object (&self->output);
  g_clear_object (&self->content);
  g_clear_object (&self->progress);
  g_free (self->name);
  g_free (self);
}

static void
arrival_fail (Arrival *self, const GError *error)
{
  g_debug ("%s", error->message);
  chan_sender_abort (self->progress, error);
  arrival_free (self);
}

static void
done_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Arrival *self = data;
  g_autoptr (GError) error = NULL;

  if (!chan_sender_send_finish (self->progress, result, &error))
    g_debug ("nobody waits for %s: %s", self->name, error->message);
  chan_sender_close (self->progress);
  arrival_free (self);
}

static void
arrival_done (Arrival *self)
{
  g_autoptr (ChanMessage) done = chan_message_new (g_variant_new_parsed ("{'Done': <true>}"));
  g_autoptr (GError) error = NULL;

  if (!g_output_stream_close (self->output, NULL, &error))
    arrival_fail (self, error);
  else if (self->received != self->size)
    {
      g_set_error (&error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_FAILED,
                   "%" G_GINT64_FORMAT " bytes were announced, %" G_GINT64_FORMAT " came", self->size, self->received);
      arrival_fail (self, error);
    }
  else
    chan_sender_send_async (self->progress, done, G_PRIORITY_DEFAULT, NULL, done_cb, self);
}

static void chunk_cb (GObject *object, GAsyncResult *result, gpointer data);

static void
arrival_read (Arrival *self)
{
  g_input_stream_read_bytes_async (g_io_stream_get_input_stream (self->content), CHUNK, G_PRIORITY_DEFAULT, NULL, chunk_cb, self);
}

static void
told_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Arrival *self = data;
  g_autoptr (GError) error = NULL;

  if (chan_sender_send_finish (self->progress, result, &error))
    arrival_read (self);
  else
    arrival_fail (self, error);
}

static void
chunk_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Arrival *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (object), result, &error);
  gsize size = bytes != NULL ? g_bytes_get_size (bytes) : 0;
  g_autoptr (ChanMessage) told = NULL;

  if (bytes != NULL && size == 0)
    arrival_done (self);
  else if (bytes == NULL || !g_output_stream_write_all (self->output, g_bytes_get_data (bytes, NULL), size, NULL, NULL, &error))
    arrival_fail (self, error);
  else
    {
      self->received += (gint64) size;
      told = chan_message_new (g_variant_new_parsed ("{'Received': <%x>}", self->received));
      chan_sender_send_async (self->progress, told, G_PRIORITY_DEFAULT, NULL, told_cb, self);
    }
}

/* A name is no path: nothing outside the directory can be meant. */
static gboolean
is_file_name (const char *name)
{
  return name[0] != '\0' && strchr (name, '/') == NULL && strcmp (name, ".") != 0 && strcmp (name, "..") != 0;
}

static void
arrival_start (Arrival *self, GFile *directory)
{
  g_autoptr (GFile) file = NULL;
  g_autoptr (GError) error = NULL;

  if (is_file_name (self->name))
    {
      file = g_file_get_child (directory, self->name);
      self->output = G_OUTPUT_STREAM (g_file_create (file, G_FILE_CREATE_PRIVATE, NULL, &error));
    }
  else
    g_set_error (&error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_FAILED, "“%s” is not the name of a file", self->name);
  if (self->output != NULL)
    arrival_read (self);
  else
    arrival_fail (self, error);
}

static void
file_cb (ChanReceiver *files, ChanMessage *message, const GError *error, gpointer directory)
{
  g_autofree char *name = message != NULL ? example_dup_string (message, "Name") : NULL;
  GObject *content = message != NULL ? chan_message_lookup_handle (message, "Content") : NULL;
  GObject *progress = message != NULL ? chan_message_lookup_handle (message, "Progress") : NULL;
  Arrival *arrival;
  gint64 size;

  if (error != NULL)
    g_debug ("a channel ended: %s", error->message);
  /* What is no request is passed over, and its channels end with it. */
  if (name == NULL || !G_IS_IO_STREAM (content) || !CHAN_IS_SENDER (progress) || !example_lookup_int64 (message, "Size", &size))
    return;
  arrival = g_new0 (Arrival, 1);
  arrival->name = g_steal_pointer (&name);
  arrival->size = size;
  arrival->content = G_IO_STREAM (g_object_ref (content));
  arrival->progress = CHAN_SENDER (g_object_ref (progress));
  arrival_start (arrival, directory);
}

static void
serve (ChanReceiver *files, gpointer directory)
{
  chan_receiver_set_handler (files, file_cb, directory, NULL);
}

int
main (int argc, char **argv)
{
  char **arguments = example_arguments (argc, argv, "URI|@NAME DIRECTORY",
    "Takes files into a directory. Its first line of output is the URI at which it really listens.", 2);
  g_autoptr (GFile) directory = g_file_new_for_commandline_arg (arguments[1]);

  return example_serve (arguments[0], serve, directory);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Goes into a chat room: says what it reads, prints what others say. Ends with
 * its input, after what was said came back. */
#include "example.h"

#include <gio/gunixinputstream.h>
#include <glib-unix.h>
#include <stdio.h>
#include <unistd.h>

typedef struct
{
  GMainLoop *loop;
  GDataInputStream *input;
  ChanSender *voice;
  int status;
} Chat;

static void line_cb (GObject *object, GAsyncResult *result, gpointer data);

static void
chat_read (Chat *self)
{
  g_data_input_stream_read_line_async (self->input, G_PRIORITY_DEFAULT, NULL, line_cb, self);
}

static void
said_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  /* Why the room hears no more comes on the inbox too. */
  if (!chan_sender_send_finish (CHAN_SENDER (object), result, &error))
    g_debug ("not said: %s", error->message);
  else
    chat_read (data);
}

static void
chat_say (Chat *self, GVariant *body, GObject *handle)
{
  g_autoptr (ChanMessage) message = chan_message_new_with_handles (body, &handle, handle != NULL ? 1 : 0);

  chan_sender_send_async (self->voice, message, G_PRIORITY_DEFAULT, NULL, said_cb, self);
}

static void
line_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Chat *self = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *line = g_data_input_stream_read_line_finish_utf8 (G_DATA_INPUT_STREAM (object), result, NULL, &error);

  if (line != NULL)
    {
      chat_say (self, g_variant_new_parsed ("{'Text': <%s>}", line), NULL);
      return;
    }
  if (error != NULL)
    self->status = example_failed (error);
  chan_sender_close (self->voice);
}

static void
heard_cb (ChanReceiver *inbox, ChanMessage *message, const GError *error, gpointer data)
{
  Chat *self = data;

  if (message != NULL)
    {
      g_autofree char *from = example_dup_string (message, "From");
      g_autofree char *text = example_dup_string (message, "Text");

      if (from != NULL && text != NULL)
        g_print ("%s: %s\n", from, text);
      fflush (stdout);
      return;
    }
  if (error != NULL)
    self->status = example_failed (error);
  g_main_loop_quit (self->loop);
}

static int
chat (const char *uri, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = chan_connect (uri, NULL, &error);
  g_autoptr (ChanSender) voice = session != NULL ? chan_session_open_channel (session, "chat", &error) : NULL;
  g_autoptr (GInputStream) terminal = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  g_autoptr (GDataInputStream) input = g_data_input_stream_new (terminal);
  g_autoptr (GMainLoop) loop = example_loop_new ();
  g_autoptr (ChanSender) mailbox = NULL;
  g_autoptr (ChanReceiver) inbox = NULL;
  Chat self = { .loop = loop, .input = input, .voice = voice };

  if (voice == NULL)
    return example_failed (error);
  chan_pipe_new (64, &mailbox, &inbox);
  chan_receiver_set_handler (inbox, heard_cb, &self, NULL);
  chat_say (&self, g_variant_new_parsed ("{'Name': <%s>, 'Inbox': <handle 0>}", name), G_OBJECT (mailbox));
  g_main_loop_run (loop);
  chan_receiver_set_handler (inbox, NULL, NULL, NULL);
  chan_sender_close (voice);
  chan_session_close_until (session, g_get_monotonic_time () + 2 * G_USEC_PER_SEC, NULL, NULL);
  return self.status;
}

int
main (int argc, char **argv)
{
  char **arguments = example_arguments (argc, argv, "URI|@NAME YOUR-NAME", "Goes into a chat room: says the lines that it reads, prints what is said there.", 2);

  return chat (arguments[0], arguments[1]);
}

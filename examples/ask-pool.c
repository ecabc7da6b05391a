/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gives a pool the numbers from 1 to N as jobs, all at once, and prints each
 * square, and who computed it. */
#include "example.h"

#include <stdio.h>

#define TIMEOUT_S 30
#define MAX_COUNT 100000

typedef struct
{
  GMainLoop *loop;
  GCancellable *cancellable;
  GPtrArray *answers;    /* ChanMessage; by the time each came */
  guint n_waiting;
  int status;
} Question;

static void
answer_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Question *self = data;
  g_autoptr (GError) error = NULL;
  ChanMessage *answer = chan_sender_request_finish (CHAN_SENDER (object), result, &error);

  if (answer != NULL)
    g_ptr_array_add (self->answers, answer);
  else if (self->status == 0)
    {
      self->status = example_failed (error);
      g_cancellable_cancel (self->cancellable);
    }
  if (--self->n_waiting == 0)
    g_main_loop_quit (self->loop);
}

static int
compare_numbers (gconstpointer a, gconstpointer b)
{
  gint64 first = 0, second = 0;

  example_lookup_int64 (*(ChanMessage *const *) a, "Number", &first);
  example_lookup_int64 (*(ChanMessage *const *) b, "Number", &second);
  return first < second ? -1 : first > second;
}

static void
print_answer (gpointer message, gpointer user_data)
{
  gint64 number = 0, square = 0;
  g_autofree char *worker = example_dup_string (message, "Worker");

  example_lookup_int64 (message, "Number", &number);
  example_lookup_int64 (message, "Square", &square);
  g_print ("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s\n", number, square, worker != NULL ? worker : "?");
}

static gboolean
timeout_cb (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

static int
ask (const char *uri, guint count)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = chan_connect (uri, NULL, &error);
  g_autoptr (ChanSender) jobs = session != NULL ? chan_session_open_channel (session, "jobs", &error) : NULL;
  g_autoptr (GMainLoop) loop = example_loop_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GPtrArray) answers = g_ptr_array_new_with_free_func ((GDestroyNotify) chan_message_unref);
  Question self = { .loop = loop, .cancellable = cancellable, .answers = answers, .n_waiting = count };

  if (jobs == NULL)
    return example_failed (error);
  for (guint i = 1; i <= count; i++)
    {
      g_autoptr (ChanMessage) job = chan_message_new (g_variant_new_parsed ("{'Number': <%x>}", (gint64) i));

      /* The request puts the channel for the answer into the message. */
      chan_sender_request_async (jobs, job, "Reply", G_PRIORITY_DEFAULT, cancellable, answer_cb, &self);
    }
  g_timeout_add_seconds (TIMEOUT_S, timeout_cb, cancellable);
  g_main_loop_run (loop);
  g_ptr_array_sort (answers, compare_numbers);
  g_ptr_array_foreach (answers, print_answer, NULL);
  chan_sender_close (jobs);
  chan_session_close_until (session, g_get_monotonic_time () + 2 * G_USEC_PER_SEC, NULL, NULL);
  return self.status;
}

int
main (int argc, char **argv)
{
  char **arguments = example_arguments (argc, argv, "URI|@NAME N", "Has a pool compute the squares of the numbers from 1 to N.", 2);
  g_autoptr (GError) error = NULL;
  guint64 count;

  if (!g_ascii_string_to_unsigned (arguments[1], 10, 1, MAX_COUNT, &count, &error))
    {
      example_failed (error);
      return 2;
    }
  return ask (arguments[0], (guint) count);
}

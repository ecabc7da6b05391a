/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"

#include <string.h>

#include "chan-conformance-bytes.h"

/* A stream of a kind that the library does not know: it is used in the main context of the send alone. */

#define OWN_TYPE_INPUT (own_input_get_type ())
G_DECLARE_FINAL_TYPE (OwnInput, own_input, OWN, INPUT, GInputStream)

/* Says `text`, then ends or fails. */
struct _OwnInput
{
  GInputStream parent_instance;

  const char *text;
  gboolean fails;
  GThread *thread; /* the only one it may be read in */
};

G_DEFINE_FINAL_TYPE (OwnInput, own_input, G_TYPE_INPUT_STREAM)

static void
own_input_read_async (GInputStream *stream, void *buffer, gsize count, int priority, GCancellable *cancellable,
                      GAsyncReadyCallback callback, gpointer user_data)
{
  OwnInput *self = OWN_INPUT (stream);
  g_autoptr (GTask) task = g_task_new (stream, cancellable, callback, user_data);
  gsize n = MIN (count, strlen (self->text));

  g_assert_true (g_thread_self () == self->thread);
  memcpy (buffer, self->text, n);
  self->text += n;
  if (n == 0 && self->fails)
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "the tape is torn");
  else
    g_task_return_int (task, (gssize) n);
}

static gssize
own_input_read_finish (GInputStream *stream, GAsyncResult *result, GError **error)
{
  return g_task_propagate_int (G_TASK (result), error);
}

static void
own_input_class_init (OwnInputClass *klass)
{
  G_INPUT_STREAM_CLASS (klass)->read_async = own_input_read_async;
  G_INPUT_STREAM_CLASS (klass)->read_finish = own_input_read_finish;
}

static void
own_input_init (OwnInput *self)
{
  self->thread = g_thread_self ();
}

static void
read_own (ChanConformanceFixture *f, gboolean fails, ChanTestReading *reading)
{
  g_autoptr (OwnInput) input = g_object_new (OWN_TYPE_INPUT, NULL);
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GIOStream) far = NULL;
  gint64 deadline = chan_test_deadline ();

  input->text = "what there is to say";
  input->fails = fails;
  chan_conformance_watch (f, input);
  chan_conformance_channel (f, 64, &tx, &rx);
  far = G_IO_STREAM (chan_test_carry (tx, rx, input));
  chan_test_reading_start (reading, chan_test_input (far));
  while (!chan_test_thread_is_done (&reading->thread))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      while (g_main_context_iteration (f->context, FALSE))
        ;
      g_usleep (1000);
    }
  chan_test_thread_join (&reading->thread);
  g_assert_cmpuint (reading->n, ==, strlen ("what there is to say"));
}

static void
test_ends (ChanConformanceFixture *f)
{
  g_auto (ChanTestReading) reading = { 0 };

  read_own (f, FALSE, &reading);
  g_assert_no_error (reading.error);
}

static void
test_fails (ChanConformanceFixture *f)
{
  g_auto (ChanTestReading) reading = { 0 };

  read_own (f, TRUE, &reading);
  g_assert_error (reading.error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
  if ((f->transport->flags & CHAN_CONFORMANCE_REASONS) != 0)
    g_assert_nonnull (strstr (reading.error->message, "the tape is torn"));
}

const ChanConformanceTest chan_conformance_foreign_own[] = {
  { "foreign/own-kind-is-read-in-the-context-of-the-send", test_ends, CHAN_CONFORMANCE_ALL },
  { "foreign/own-kind-fails-with-its-error", test_fails, CHAN_CONFORMANCE_ALL },
  { NULL },
};

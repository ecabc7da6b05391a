/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-util.h"

#include <fcntl.h>
#include <unistd.h>

#define LONG_US (20 * G_TIME_SPAN_SECOND)
#define SHORT_US (50 * G_TIME_SPAN_MILLISECOND)

gint64
chan_test_deadline (void)
{
  return g_get_monotonic_time () + LONG_US;
}

gint64
chan_test_soon (void)
{
  return g_get_monotonic_time () + SHORT_US;
}

/* --- messages ------------------------------------------------------------------------- */

ChanMessage *
chan_test_message (guint64 number)
{
  return chan_message_new (g_variant_new_uint64 (number));
}

ChanMessage *
chan_test_message_bytes (gsize size)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (size), size);

  return chan_message_new_from_bytes (bytes);
}

ChanMessage *
chan_test_message_handle (gpointer handle)
{
  GObject *handles[] = { handle };

  return chan_message_new_with_handles (g_variant_new ("(h)", 0), handles, 1);
}

ChanMessage *
chan_test_message_fds (int fd, guint n)
{
  g_autoptr (GPtrArray) handles = g_ptr_array_new_with_free_func (g_object_unref);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("ah"));
  for (guint i = 0; i < n; i++)
    {
      g_ptr_array_add (handles, chan_fd_new (fcntl (fd, F_DUPFD_CLOEXEC, 0)));
      g_variant_builder_add (&builder, "h", (gint32) i);
    }
  return chan_message_new_with_handles (g_variant_builder_end (&builder), (GObject **) handles->pdata, n);
}

guint64
chan_test_number (ChanMessage *message)
{
  GVariant *body = chan_message_get_body (message);

  g_assert_true (g_variant_is_of_type (body, G_VARIANT_TYPE_UINT64));
  return g_variant_get_uint64 (body);
}

/* --- sending and receiving ------------------------------------------------------------ */

void
chan_test_send_message (ChanSender *tx, ChanMessage *message)
{
  g_autoptr (GError) error = NULL;
  gboolean sent = chan_sender_send_until (tx, message, chan_test_deadline (), NULL, &error);

  g_assert_no_error (error);
  g_assert_true (sent);
}

void
chan_test_send (ChanSender *tx, guint64 first, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message (first + i);

      chan_test_send_message (tx, message);
    }
}

ChanMessage *
chan_test_receive (ChanReceiver *rx)
{
  g_autoptr (GError) error = NULL;
  ChanMessage *message = chan_receiver_receive_until (rx, chan_test_deadline (), NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (message);
  return message;
}

void
chan_test_take (ChanReceiver *rx, guint64 first, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_receive (rx);

      g_assert_cmpuint (chan_test_number (message), ==, first + i);
    }
}

GObject *
chan_test_carry (ChanSender *tx, ChanReceiver *rx, gpointer handle)
{
  g_autoptr (ChanMessage) message = chan_test_message_handle (handle);
  g_autoptr (ChanMessage) arrived = NULL;
  GObject *moved = NULL;

  chan_test_send_message (tx, message);
  arrived = chan_test_receive (rx);
  g_assert_cmpuint (chan_message_get_n_handles (arrived), ==, 1);
  moved = chan_message_steal_handle (arrived, 0);
  g_assert_nonnull (moved);
  return moved;
}

guint64
chan_test_take_until_end (ChanReceiver *rx, guint64 first, GError **end)
{
  guint64 n = 0;

  for (;; n++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanMessage) message = chan_receiver_receive_until (rx, chan_test_deadline (), NULL, &error);

      if (message != NULL)
        {
          g_assert_no_error (error);
          g_assert_cmpuint (chan_test_number (message), ==, first + n);
          continue;
        }
      g_assert_false (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT));
      if (error != NULL)
        g_propagate_error (end, g_steal_pointer (&error));
      return n;
    }
}

/* --- what must be ---------------------------------------------------------------------- */

void
chan_test_assert_closed (ChanReceiver *rx)
{
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanMessage) message = chan_receiver_receive_until (rx, chan_test_deadline (), NULL, &error);
      g_autoptr (ChanMessage) tried = NULL;

      g_assert_no_error (error);
      g_assert_null (message);
      g_assert_cmpint (chan_receiver_try_receive (rx, &tried, &error), ==, CHAN_TAKE_CLOSED);
      g_assert_no_error (error);
      g_assert_null (tried);
    }
}

static void
assert_end (ChanReceiver *rx, GError **end)
{
  g_autoptr (GError) first = NULL;

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GError) again = NULL;
      g_autoptr (ChanMessage) message = chan_receiver_receive_until (rx, chan_test_deadline (), NULL, &error);

      g_assert_null (message);
      g_assert_nonnull (error);
      g_assert_false (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT));
      g_assert_cmpint (chan_receiver_try_receive (rx, &message, &again), ==, CHAN_TAKE_ERROR);
      g_assert_null (message);
      g_assert_error (again, error->domain, error->code);
      if (first == NULL)
        first = g_error_copy (error);
      g_assert_error (error, first->domain, first->code);
      g_assert_cmpstr (error->message, ==, first->message);
    }
  g_propagate_error (end, g_steal_pointer (&first));
}

void
chan_test_assert_ended (ChanReceiver *rx, int code)
{
  g_autoptr (GError) error = NULL;

  assert_end (rx, &error);
  g_assert_error (error, CHAN_CHANNEL_ERROR, code);
}

void
chan_test_assert_broken (ChanReceiver *rx)
{
  g_autoptr (GError) error = NULL;

  assert_end (rx, &error);
  g_assert_true (error->domain == CHAN_CHANNEL_ERROR);
  g_assert_cmpint (error->code, !=, CHAN_CHANNEL_ERROR_CLOSED);
}

/* Over a link the news needs its time, during which sends may be accepted. */
void
chan_test_assert_peer_closed (ChanSender *tx)
{
  gint64 deadline = chan_test_deadline ();
  g_autoptr (GError) error = NULL;

  while (error == NULL)
    {
      g_autoptr (ChanMessage) message = chan_test_message (G_MAXUINT32);

      if (chan_sender_send_until (tx, message, deadline, NULL, &error))
        g_usleep (1000);
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
    }
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message (0);
      g_autoptr (GError) again = NULL;

      g_assert_false (chan_sender_try_send (tx, message, &again));
      g_assert_error (again, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
    }
  g_assert_true (chan_sender_get_peer_closed (tx));
}

void
chan_test_assert_full (ChanSender *tx)
{
  g_autoptr (ChanMessage) message = chan_test_message (G_MAXUINT32);
  g_autoptr (GError) would_block = NULL;
  g_autoptr (GError) timed_out = NULL;

  g_assert_false (chan_sender_try_send (tx, message, &would_block));
  g_assert_error (would_block, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_assert_false (chan_sender_send_until (tx, message, chan_test_soon (), NULL, &timed_out));
  g_assert_error (timed_out, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

void
chan_test_assert_nothing_comes (ChanReceiver *rx)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = NULL;

  g_assert_null (chan_receiver_receive_until (rx, chan_test_soon (), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_cmpint (chan_receiver_try_receive (rx, &message, &error), ==, CHAN_TAKE_EMPTY);
  g_assert_no_error (error);
  g_assert_null (message);
}

void
chan_test_assert_moved_sender (ChanSender *tx)
{
  g_autoptr (ChanMessage) message = chan_test_message (0);
  g_autoptr (GError) sent = NULL;
  g_autoptr (GError) tried = NULL;

  g_assert_false (chan_sender_send_until (tx, message, chan_test_deadline (), NULL, &sent));
  g_assert_error (sent, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);
  g_assert_false (chan_sender_try_send (tx, message, &tried));
  g_assert_error (tried, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);
}

void
chan_test_assert_moved_receiver (ChanReceiver *rx)
{
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) received = NULL;
  g_autoptr (GError) tried = NULL;

  g_assert_null (chan_receiver_receive_until (rx, chan_test_deadline (), NULL, &received));
  g_assert_error (received, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);
  g_assert_cmpint (chan_receiver_try_receive (rx, &message, &tried), ==, CHAN_TAKE_ERROR);
  g_assert_error (tried, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);
}

/* --- asynchronous calls ------------------------------------------------------------------ */

void
chan_test_reply_init (ChanTestReply *self, GMainContext *context)
{
  *self = (ChanTestReply){ .context = context };
}

void
chan_test_reply_clear (ChanTestReply *self)
{
  g_clear_object (&self->result);
}

void
chan_test_reply_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ChanTestReply *self = user_data;

  g_assert_true (g_main_context_is_owner (self->context));
  g_assert_true (g_source_get_context (g_main_current_source ()) == self->context);
  g_set_object (&self->result, result);
  self->n_calls++;
  g_assert_cmpuint (self->n_calls, ==, 1);
}

void
chan_test_reply_wait (ChanTestReply *self)
{
  chan_test_iterate_until (self->context, &self->n_calls, 1);
}

static gboolean
too_late_cb (gpointer user_data)
{
  g_error ("what the test waits for has not happened within 20 s");
  return G_SOURCE_REMOVE;
}

static gboolean
enough_cb (gpointer user_data)
{
  guint *over = user_data;

  *over = 1;
  return G_SOURCE_REMOVE;
}

static GSource *
add_timeout (GMainContext *context, gint64 us, GSourceFunc function, gpointer user_data)
{
  GSource *source = g_timeout_source_new ((guint) (us / 1000));

  g_source_set_callback (source, function, user_data, NULL);
  g_source_attach (source, context);
  return source;
}

void
chan_test_iterate_until (GMainContext *context, const guint *counter, guint value)
{
  g_autoptr (GSource) source = add_timeout (context, LONG_US, too_late_cb, NULL);

  while (*counter < value)
    g_main_context_iteration (context, TRUE);
  g_source_destroy (source);
}

void
chan_test_iterate_a_while (GMainContext *context)
{
  guint over = 0;
  g_autoptr (GSource) source = add_timeout (context, SHORT_US, enough_cb, &over);

  while (over == 0)
    g_main_context_iteration (context, TRUE);
}

/* --- threads -------------------------------------------------------------------------------- */

static gpointer
thread_cb (gpointer data)
{
  ChanTestThread *self = data;
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  g_atomic_int_set (&self->id, gettid ());
  self->run (self->user_data);
  g_main_context_pop_thread_default (context);
  g_atomic_int_set (&self->done, 1);
  return NULL;
}

void
chan_test_thread_start (ChanTestThread *self, void (*run) (gpointer user_data), gpointer user_data)
{
  self->run = run;
  self->user_data = user_data;
  g_atomic_int_set (&self->id, 0);
  g_atomic_int_set (&self->done, 0);
  self->thread = g_thread_new ("test", thread_cb, self);
}

gboolean
chan_test_thread_is_done (ChanTestThread *self)
{
  return g_atomic_int_get (&self->done) != 0;
}

static gboolean
sleeps (int id)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/stat", id);
  g_autofree char *stat = NULL;

  return id != 0 && g_file_get_contents (path, &stat, NULL, NULL) && strstr (stat, ") S ") != NULL;
}

void
chan_test_thread_assert_waits (ChanTestThread *self)
{
  g_usleep (SHORT_US);
  /* On a busy machine it may not have come so far. */
  while (!chan_test_thread_is_done (self) && !sleeps (g_atomic_int_get (&self->id)))
    g_usleep (1000);
  g_assert_false (chan_test_thread_is_done (self));
}

void
chan_test_thread_join (ChanTestThread *self)
{
  g_clear_pointer (&self->thread, g_thread_join);
}

static void
sending_run (gpointer data)
{
  ChanTestSending *self = data;

  for (; self->n_sent < self->n; g_atomic_int_inc ((gint *) &self->n_sent))
    {
      g_autoptr (ChanMessage) message = chan_test_message (self->first + self->n_sent);

      if (!chan_sender_send_until (self->tx, message, chan_test_deadline (), self->cancellable, &self->error))
        return;
    }
  if (self->close)
    chan_sender_close (self->tx);
}

void
chan_test_sending_start (ChanTestSending *self, ChanSender *tx, guint64 first, guint n, gboolean close)
{
  g_clear_error (&self->error);
  self->tx = tx;
  self->first = first;
  self->n = n;
  self->n_sent = 0;
  self->close = close;
  chan_test_thread_start (&self->thread, sending_run, self);
}

void
chan_test_sending_join (ChanTestSending *self)
{
  chan_test_thread_join (&self->thread);
}

void
chan_test_sending_clear (ChanTestSending *self)
{
  chan_test_thread_join (&self->thread);
  g_clear_error (&self->error);
}

static void
receiving_run (gpointer data)
{
  ChanTestReceiving *self = data;

  self->message = chan_receiver_receive_until (self->rx, chan_test_deadline (), self->cancellable, &self->error);
}

void
chan_test_receiving_start (ChanTestReceiving *self, ChanReceiver *rx, GCancellable *cancellable)
{
  g_clear_pointer (&self->message, chan_message_unref);
  g_clear_error (&self->error);
  self->rx = rx;
  self->cancellable = cancellable;
  chan_test_thread_start (&self->thread, receiving_run, self);
}

void
chan_test_receiving_clear (ChanTestReceiving *self)
{
  chan_test_thread_join (&self->thread);
  g_clear_pointer (&self->message, chan_message_unref);
  g_clear_error (&self->error);
}

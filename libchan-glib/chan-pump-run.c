/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-pump-private.h"

#include <fcntl.h>
#include <limits.h>

#include <gio/gfiledescriptorbased.h>

#include "chan-error.h"
#include "chan-fd-output.h"

/* Reads one side, writes all of it to the other, and reads again: never more
 * than one buffer is on its way, so a slow writer stops the reader. */

#define BUFFER_BYTES 65536

static void way_read (ChanPumpWay *way);

/* --- the end of the whole ----------------------------------------------------- */

/* A stream that is closed under a cancelled GCancellable knows that what was
 * written is not all: g_file_replace() then keeps the old file. */
static GCancellable *
new_cancelled (void)
{
  GCancellable *cancellable = g_cancellable_new ();

  g_cancellable_cancel (cancellable);
  return cancellable;
}

static void
closed_cb (GObject *stream, GAsyncResult *result, gpointer user_data)
{
  g_io_stream_close_finish (G_IO_STREAM (stream), result, NULL);
  chan_pump_unref (user_data);
}

/* Takes over the reference of the direction. */
static void
way_over (ChanPump *self)
{
  g_autoptr (GCancellable) cancelled = NULL;

  if (--self->n_running > 0 || !G_IS_IO_STREAM (self->stream))
    {
      chan_pump_unref (self);
      return;
    }
  if (self->broken)
    cancelled = new_cancelled ();
  g_io_stream_close_async (G_IO_STREAM (self->stream), G_PRIORITY_DEFAULT, cancelled, closed_cb, self);
}

/* --- the end of what the peer reads ------------------------------------------- */

static void
input_closed_cb (GObject *stream, GAsyncResult *result, gpointer user_data)
{
  g_input_stream_close_finish (G_INPUT_STREAM (stream), result, NULL);
  way_over (user_data);
}

static void
unwatch (ChanPump *self)
{
  ChanPipe *pipe = chan_byte_output_get_pipe (self->near_output);
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (pipe);
  chan_pipe_remove_watch (pipe, &self->watch);
  chan_pipe_unlock (pipe, &later);
}

/* error: nullable; an end of file is a close, and an error that error. */
static void
end_out (ChanPump *self, const GError *error)
{
  g_autoptr (GError) reason = NULL;

  unwatch (self);
  if (error != NULL && error->domain == CHAN_CHANNEL_ERROR)
    reason = g_error_copy (error);
  else if (error != NULL)
    reason = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET, error->message);
  chan_byte_output_end (self->near_output, reason, FALSE);
  /* A socket ends a direction by another call than a stream. */
  if (G_IS_SOCKET_CONNECTION (self->stream))
    {
      if (error != NULL)
        g_socket_shutdown (g_socket_connection_get_socket (G_SOCKET_CONNECTION (self->stream)), TRUE, FALSE, NULL);
      way_over (self);
      return;
    }
  g_input_stream_close_async (self->out.from, G_PRIORITY_DEFAULT, NULL, input_closed_cb, self);
}

/* --- the end of what the peer writes ------------------------------------------- */

static void
output_closed_cb (GObject *stream, GAsyncResult *result, gpointer user_data)
{
  g_output_stream_close_finish (G_OUTPUT_STREAM (stream), result, NULL);
  way_over (user_data);
}

/* error: nullable; of either side */
static void
end_in (ChanPump *self, const GError *error)
{
  g_autoptr (GCancellable) cancelled = NULL;

  if (error != NULL)
    {
      ChanChannelError code = CHAN_CHANNEL_ERROR_RESET;

      if (error->domain == CHAN_CHANNEL_ERROR)
        code = (ChanChannelError) error->code;
      else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE) || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
        code = CHAN_CHANNEL_ERROR_CLOSED;
      chan_byte_input_end (self->near_input, code, error->message);
      self->broken = TRUE;
      cancelled = new_cancelled ();
    }
  if (G_IS_SOCKET_CONNECTION (self->stream))
    {
      g_socket_shutdown (g_socket_connection_get_socket (G_SOCKET_CONNECTION (self->stream)), FALSE, TRUE, NULL);
      way_over (self);
      return;
    }
  g_output_stream_close_async (self->in.to, G_PRIORITY_DEFAULT, cancelled, output_closed_cb, self);
}

static void
way_end (ChanPumpWay *way, const GError *error)
{
  g_clear_pointer (&way->buffer, g_free);
  if (way == &way->pump->out)
    end_out (way->pump, error);
  else
    end_in (way->pump, error);
}

/* --- one buffer ------------------------------------------------------------------ */

static void way_write (ChanPumpWay *way);

static void
written_cb (GObject *stream, GAsyncResult *result, gpointer user_data)
{
  ChanPumpWay *way = user_data;
  g_autoptr (GError) error = NULL;
  gssize n = g_output_stream_write_finish (way->to, result, &error);

  if (n < 0)
    {
      way_end (way, error);
      return;
    }
  way->done += (gsize) n;
  if (way->done < way->n)
    way_write (way);
  else
    way_read (way);
}

static void
way_write (ChanPumpWay *way)
{
  GMainContext *context = way->pump->context;

  g_main_context_push_thread_default (context);
  g_output_stream_write_async (way->to, way->buffer + way->done, MIN (way->n - way->done, way->chunk), G_PRIORITY_DEFAULT, NULL,
                               written_cb, way);
  g_main_context_pop_thread_default (context);
}

static void
read_cb (GObject *stream, GAsyncResult *result, gpointer user_data)
{
  ChanPumpWay *way = user_data;
  g_autoptr (GError) error = NULL;
  gssize n = g_input_stream_read_finish (way->from, result, &error);

  if (n <= 0)
    {
      way_end (way, error);
      return;
    }
  way->n = (gsize) n;
  way->done = 0;
  way_write (way);
}

static void
way_read (ChanPumpWay *way)
{
  GMainContext *context = way->pump->context;

  g_main_context_push_thread_default (context);
  g_input_stream_read_async (way->from, way->buffer, BUFFER_BYTES, G_PRIORITY_DEFAULT, way->cancellable, read_cb, way);
  g_main_context_pop_thread_default (context);
}

/* --- the beginning ----------------------------------------------------------------- */

/* A pipe or socket that is not in non-blocking mode, which is not ours to
 * change, takes so much without blocking when it can be written. */
static gsize
get_chunk (GOutputStream *stream)
{
  int flags = G_IS_FILE_DESCRIPTOR_BASED (stream) && !G_IS_FILE_OUTPUT_STREAM (stream) && !CHAN_IS_FD_OUTPUT (stream)
                  ? fcntl (g_file_descriptor_based_get_fd (G_FILE_DESCRIPTOR_BASED (stream)), F_GETFL)
                  : O_NONBLOCK;

  return flags >= 0 && (flags & O_NONBLOCK) == 0 ? PIPE_BUF : BUFFER_BYTES;
}

static void
way_start (ChanPumpWay *way)
{
  way->buffer = g_malloc (BUFFER_BYTES);
  way->chunk = get_chunk (way->to);
  way_read (way);
}

/* Whoever waits for the foreign stream must hear that nobody reads any more. */
static gboolean
cancel_cb (gpointer data)
{
  ChanPump *self = data;

  g_cancellable_cancel (self->out.cancellable);
  return G_SOURCE_REMOVE;
}

/* In the context: GLib's source of a cancellable may miss that it is cancelled by another thread while it is attached. */
static void
cancel_later (gpointer data)
{
  ChanPump *self = data;
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, cancel_cb, self, chan_pump_unref);
  g_source_attach (source, self->context);
}

static void
watch_notify (ChanWatch *watch, ChanLater *later)
{
  ChanPump *self = (ChanPump *) ((guint8 *) watch - G_STRUCT_OFFSET (ChanPump, watch));

  if (chan_byte_output_get_pipe (self->near_output)->sender_error != NULL)
    chan_later_add (later, cancel_later, chan_pump_ref (self));
}

static void
start_watch (ChanPump *self)
{
  ChanPipe *pipe = chan_byte_output_get_pipe (self->near_output);
  ChanLater later;

  chan_later_init (&later);
  self->watch.notify = watch_notify;
  self->watch.of_sender = TRUE;
  chan_pipe_lock (pipe);
  chan_pipe_add_watch (pipe, &self->watch);
  watch_notify (&self->watch, &later);
  chan_pipe_unlock (pipe, &later);
}

static gboolean
start_cb (gpointer data)
{
  ChanPump *self = data;

  self->n_running = (self->out.from != NULL) + (self->in.to != NULL);
  if (self->out.from != NULL)
    {
      chan_pump_ref (self);
      start_watch (self);
      way_start (&self->out);
    }
  if (self->in.to != NULL)
    {
      chan_pump_ref (self);
      way_start (&self->in);
    }
  return G_SOURCE_REMOVE;
}

void
chan_pump_start (ChanPump *self)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, start_cb, chan_pump_ref (self), chan_pump_unref);
  g_source_attach (source, self->context);
}

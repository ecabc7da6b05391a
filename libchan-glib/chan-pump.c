/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-pump-private.h"

#include <signal.h>

#include <gio/gfiledescriptorbased.h>

#include "chan-error.h"
#include "chan-live.h"

/* A foreign stream on its way into a message. How bytes are carried: chan-pump-run.c. */

static GQuark
pump_quark (void)
{
  return g_quark_from_static_string ("chan-pump");
}

/* On each half too: whoever has only that cannot send it again. */
static GQuark
moved_quark (void)
{
  return g_quark_from_static_string ("chan-pump-moved");
}

/* Makes the reservation of a stream one step. */
static GMutex reserve_lock;

/* --- where ------------------------------------------------------------------ */

/* One thread of the library, started at first need, for streams that any thread
 * can use. A pipe whose reader is gone is an error of that stream, and no signal. */
static gpointer
pump_thread (gpointer data)
{
  GMainContext *context = data;
  sigset_t signals;

  sigemptyset (&signals);
  sigaddset (&signals, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &signals, NULL);
  g_main_context_push_thread_default (context);
  for (;;)
    g_main_context_iteration (context, TRUE);
  return NULL;
}

static GMainContext *
ref_pump_context (void)
{
  static gsize once;
  static GMainContext *context;

  if (g_once_init_enter (&once))
    {
      context = g_main_context_new ();
      g_thread_unref (g_thread_new ("chan-pump", pump_thread, context));
      g_once_init_leave (&once, 1);
    }
  return g_main_context_ref (context);
}

/* Streams of a script run where its main context does: it may have no other thread. */
static gboolean
any_thread (gpointer half)
{
  while (G_IS_BUFFERED_INPUT_STREAM (half))
    half = g_filter_input_stream_get_base_stream (half);
  while (G_IS_BUFFERED_OUTPUT_STREAM (half))
    half = g_filter_output_stream_get_base_stream (half);
  return half == NULL || G_IS_FILE_DESCRIPTOR_BASED (half) || G_IS_MEMORY_INPUT_STREAM (half) || G_IS_MEMORY_OUTPUT_STREAM (half)
         || G_IS_FILE_INPUT_STREAM (half) || G_IS_FILE_OUTPUT_STREAM (half) || CHAN_IS_BYTE_INPUT (half) || CHAN_IS_BYTE_OUTPUT (half);
}

/* --- the object ------------------------------------------------------------- */

gboolean
chan_pump_is_foreign (GObject *handle)
{
  return G_IS_IO_STREAM (handle) || G_IS_INPUT_STREAM (handle) || G_IS_OUTPUT_STREAM (handle);
}

static void
way_clear (ChanPumpWay *way)
{
  g_clear_object (&way->from);
  g_clear_object (&way->to);
  g_clear_object (&way->cancellable);
  g_free (way->buffer);
}

ChanPump *
chan_pump_ref (ChanPump *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
chan_pump_unref (gpointer data)
{
  ChanPump *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  way_clear (&self->out);
  way_clear (&self->in);
  g_clear_object (&self->near_output);
  g_clear_object (&self->near_input);
  g_object_unref (self->stream);
  g_main_context_unref (self->context);
  chan_live_add (CHAN_LIVE_PUMP, -1);
  g_free (self);
}

/* A pipe of which the pump has one side, and what goes into the message the other. */
static ChanPipe *
new_pipe (gboolean sender_moves)
{
  ChanPipe *pipe = chan_pipe_core_new (CHAN_ITEM_BYTES, CHAN_BYTE_PIPE_SIZE, NULL);

  if (sender_moves)
    pipe->sender_side = CHAN_SIDE_RESERVED;
  else
    pipe->receiver_side = CHAN_SIDE_RESERVED;
  return pipe;
}

static ChanPump *
pump_new (GObject *stream, GInputStream *input, GOutputStream *output)
{
  ChanPump *self = g_new0 (ChanPump, 1);

  chan_live_add (CHAN_LIVE_PUMP, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->stream = g_object_ref (stream);
  self->out.pump = self->in.pump = self;
  if (input != NULL)
    {
      self->near_output = g_object_new (CHAN_TYPE_BYTE_OUTPUT, NULL);
      self->out.from = g_object_ref (input);
      self->out.to = G_OUTPUT_STREAM (g_object_ref (self->near_output));
      self->out.cancellable = g_cancellable_new ();
    }
  if (output != NULL)
    {
      self->near_input = g_object_new (CHAN_TYPE_BYTE_INPUT, NULL);
      self->in.from = G_INPUT_STREAM (g_object_ref (self->near_input));
      self->in.to = g_object_ref (output);
    }
  self->context = any_thread (input) && any_thread (output) ? ref_pump_context () : g_main_context_ref_thread_default ();
  return self;
}

/* The pipes: near ends to the pump, far ends to what is returned. */
static GObject *
new_far_end (ChanPump *self)
{
  g_autoptr (ChanPipe) in = NULL;
  g_autoptr (ChanPipe) out = NULL;

  if (self->near_output != NULL)
    {
      in = new_pipe (FALSE);
      in->copied = TRUE;
      chan_byte_output_bind (self->near_output, in, CHAN_OBJECT_LIVE);
    }
  if (self->near_input != NULL)
    {
      out = new_pipe (TRUE);
      chan_byte_input_bind (self->near_input, out, CHAN_OBJECT_LIVE);
    }
  return G_OBJECT (chan_byte_stream_new_for_pipes (in, out, CHAN_OBJECT_TRANSIT));
}

/* --- reserving --------------------------------------------------------------- */

static void
get_halves (GObject *stream, GInputStream **input, GOutputStream **output)
{
  *input = NULL;
  *output = NULL;
  if (G_IS_INPUT_STREAM (stream))
    *input = G_INPUT_STREAM (stream);
  else if (G_IS_OUTPUT_STREAM (stream))
    *output = G_OUTPUT_STREAM (stream);
  else
    {
      *input = g_io_stream_get_input_stream (G_IO_STREAM (stream));
      *output = g_io_stream_get_output_stream (G_IO_STREAM (stream));
    }
}

static gboolean
was_moved (gpointer object)
{
  return object != NULL && g_object_get_qdata (object, moved_quark ()) != NULL;
}

static gboolean
fail_reserve (GError **error, int code, const char *text)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, code, text);
  return FALSE;
}

/* Nobody else uses it: its own mark of a pending operation is ours while the message is on its way. */
static gboolean
reserve_halves (GObject *stream, GInputStream *input, GOutputStream *output, GError **error)
{
  if (was_moved (stream) || was_moved (input) || was_moved (output))
    return fail_reserve (error, CHAN_CHANNEL_ERROR_MOVED, "A handle of this message was already sent away");
  if (input == NULL && output == NULL)
    return fail_reserve (error, CHAN_CHANNEL_ERROR_UNSUPPORTED, "A stream in this message can neither be read nor written");
  if ((G_IS_IO_STREAM (stream) && g_io_stream_is_closed (G_IO_STREAM (stream)))
      || (input != NULL && g_input_stream_is_closed (input)) || (output != NULL && g_output_stream_is_closed (output)))
    return fail_reserve (error, CHAN_CHANNEL_ERROR_CLOSED, "A handle of this message is closed");
  if ((G_IS_IO_STREAM (stream) && g_io_stream_has_pending (G_IO_STREAM (stream)))
      || (input != NULL && g_input_stream_has_pending (input)) || (output != NULL && g_output_stream_has_pending (output)))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "A handle of this message is in use");
      return FALSE;
    }
  return (input == NULL || g_input_stream_set_pending (input, error)) && (output == NULL || g_output_stream_set_pending (output, error));
}

static void
release_halves (ChanPump *self)
{
  g_mutex_lock (&reserve_lock);
  if (self->out.from != NULL)
    g_input_stream_clear_pending (self->out.from);
  if (self->in.to != NULL)
    g_output_stream_clear_pending (self->in.to);
  g_mutex_unlock (&reserve_lock);
}

GObject *
chan_pump_pack (GObject *stream, GError **error)
{
  GInputStream *input;
  GOutputStream *output;
  ChanPump *self;
  gboolean reserved;

  get_halves (stream, &input, &output);
  g_mutex_lock (&reserve_lock);
  reserved = reserve_halves (stream, input, output, error);
  g_mutex_unlock (&reserve_lock);
  if (!reserved)
    return NULL;
  self = pump_new (stream, input, output);
  /* The pump goes by itself: the stream must not keep what keeps the stream. */
  g_object_set_qdata (stream, pump_quark (), self);
  return new_far_end (self);
}

void
chan_pump_unpack (GObject *stream)
{
  ChanPump *self = g_object_steal_qdata (stream, pump_quark ());

  release_halves (self);
  chan_pump_unref (self);
}

static void
mark_moved (gpointer object)
{
  if (object != NULL)
    g_object_set_qdata (object, moved_quark (), GINT_TO_POINTER (TRUE));
}

void
chan_pump_commit (GObject *stream)
{
  ChanPump *self = g_object_steal_qdata (stream, pump_quark ());

  mark_moved (stream);
  mark_moved (self->out.from);
  mark_moved (self->in.to);
  release_halves (self);
  chan_pump_start (self);
  chan_pump_unref (self);
}

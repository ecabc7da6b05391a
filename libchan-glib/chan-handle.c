/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-handle.h"

#include "chan-byte-stream-private.h"
#include "chan-fd-private.h"
#include "chan-message-private.h"
#include "chan-pump.h"
#include "chan-receiver-private.h"
#include "chan-relay.h"
#include "chan-stream.h"

/* How an end moves. A handle is one side of a pipe (a channel), or one or two
 * sides of two pipes (a byte stream): here a list of at most two of them. */

typedef struct
{
  ChanPipe *pipe;
  gint *state;       /* of the object that stands for the side */
  gpointer object;
  gboolean sender;   /* the sending side */
} HandleSide;

static guint
add_side (HandleSide *sides, guint n, ChanPipe *pipe, gint *state, gpointer object, gboolean sender)
{
  if (pipe == NULL)
    return n;
  sides[n] = (HandleSide){ pipe, state, object, sender };
  return n + 1;
}

static guint
input_side (HandleSide *sides, guint n, ChanByteInput *input)
{
  return add_side (sides, n, chan_byte_input_get_pipe (input), chan_byte_input_state (input), input, FALSE);
}

static guint
output_side (HandleSide *sides, guint n, ChanByteOutput *output)
{
  return add_side (sides, n, chan_byte_output_get_pipe (output), chan_byte_output_state (output), output, TRUE);
}

/* 0: not an end of ours. */
static guint
handle_sides (GObject *handle, HandleSide *sides)
{
  if (CHAN_IS_SENDER (handle))
    return add_side (sides, 0, chan_sender_get_pipe (CHAN_SENDER (handle)), chan_sender_state (CHAN_SENDER (handle)), handle, TRUE);
  if (CHAN_IS_RECEIVER (handle))
    return add_side (sides, 0, chan_receiver_get_pipe (CHAN_RECEIVER (handle)), chan_receiver_state (CHAN_RECEIVER (handle)), handle, FALSE);
  if (CHAN_IS_BYTE_INPUT (handle))
    return input_side (sides, 0, CHAN_BYTE_INPUT (handle));
  if (CHAN_IS_BYTE_OUTPUT (handle))
    return output_side (sides, 0, CHAN_BYTE_OUTPUT (handle));
  if (CHAN_IS_BYTE_STREAM (handle))
    {
      GIOStream *stream = G_IO_STREAM (handle);
      guint n = input_side (sides, 0, CHAN_BYTE_INPUT (g_io_stream_get_input_stream (stream)));

      return output_side (sides, n, CHAN_BYTE_OUTPUT (g_io_stream_get_output_stream (stream)));
    }
  return 0;
}

ChanStreamKind
chan_handle_kind (GObject *handle)
{
  HandleSide sides[2];
  guint n = handle_sides (handle, sides);

  if (CHAN_IS_SENDER (handle))
    return CHAN_STREAM_SENDER;
  if (CHAN_IS_RECEIVER (handle))
    return CHAN_STREAM_RECEIVER;
  if (n == 2)
    return CHAN_STREAM_BYTES;
  return sides[0].sender ? CHAN_STREAM_BYTES_OUT : CHAN_STREAM_BYTES_IN;
}

/* --- pack, commit, unpack --- */

static gboolean
side_is_busy (HandleSide *side)
{
  ChanPipe *pipe = side->pipe;

  for (ChanWatch *watch = pipe->watches; watch != NULL; watch = watch->next)
    if (watch->of_sender == side->sender)
      return TRUE;
  return side->sender ? pipe->senders.first != NULL : pipe->receivers.first != NULL || pipe->n_reserved > 0;
}

static gboolean
check_carrier (ChanPipe *pipe, ChanPipe *carrier, GError **error)
{
  if (pipe != carrier)
    return TRUE;
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_FAILED, "An end of a channel cannot be sent over that channel");
  return FALSE;
}

static gboolean
reserve_side (HandleSide *side, ChanPipe *carrier, GError **error)
{
  ChanPipe *pipe = side->pipe;
  guint8 *where = side->sender ? &pipe->sender_side : &pipe->receiver_side;
  gboolean ok = FALSE;
  ChanLater later;

  if (!check_carrier (pipe, carrier, error))
    return FALSE;
  chan_later_init (&later);
  chan_pipe_lock (pipe);
  if (g_atomic_int_get (side->state) == CHAN_OBJECT_SENDING)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "A handle of this message is in another message that is being sent");
  else if (g_atomic_int_get (side->state) == CHAN_OBJECT_SPLICED)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "A handle of this message is being spliced");
  else if (g_atomic_int_get (side->state) != CHAN_OBJECT_LIVE)
    g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED, "A handle of this message was already sent away");
  else if (*where == CHAN_SIDE_CLOSED)
    g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "A handle of this message is closed");
  else if (*where != CHAN_SIDE_LOCAL || side_is_busy (side))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "A handle of this message is in use");
  else
    {
      *where = CHAN_SIDE_RESERVED;
      g_atomic_int_set (side->state, CHAN_OBJECT_SENDING);
      if (side->sender)
        pipe->sender_object = NULL;
      ok = TRUE;
    }
  chan_pipe_unlock (pipe, &later);
  return ok;
}

static void
unreserve_side (HandleSide *side)
{
  ChanPipe *pipe = side->pipe;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (pipe);
  g_atomic_int_set (side->state, CHAN_OBJECT_LIVE);
  if (side->sender)
    {
      pipe->sender_side = CHAN_SIDE_LOCAL;
      pipe->sender_object = CHAN_IS_SENDER (side->object) ? side->object : NULL;
    }
  else
    pipe->receiver_side = CHAN_SIDE_LOCAL;
  chan_pipe_unlock (pipe, &later);
}

/* The object that stands for the sides on the way. */
static GObject *
new_in_transit (GObject *handle, HandleSide *sides, guint n)
{
  ChanPipe *in = NULL, *out = NULL;

  if (CHAN_IS_SENDER (handle))
    return G_OBJECT (chan_sender_new_for_pipe (sides[0].pipe, CHAN_OBJECT_TRANSIT));
  if (CHAN_IS_RECEIVER (handle))
    return G_OBJECT (chan_receiver_new_for_pipe (sides[0].pipe, CHAN_OBJECT_TRANSIT));
  for (guint i = 0; i < n; i++)
    {
      if (sides[i].sender)
        out = sides[i].pipe;
      else
        in = sides[i].pipe;
    }
  return G_OBJECT (chan_byte_stream_new_for_pipes (in, out, CHAN_OBJECT_TRANSIT));
}

static GObject *
pack_handle (GObject *handle, ChanPipe *carrier, GError **error)
{
  HandleSide sides[2];
  guint n = handle_sides (handle, sides);

  if (CHAN_IS_FD (handle))
    return chan_fd_pack (CHAN_FD (handle), error);
  if (n == 0 && chan_pump_is_foreign (handle))
    return chan_pump_pack (handle, error);
  if (n == 0)
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED, "A %s cannot be sent inside a message", G_OBJECT_TYPE_NAME (handle));
      return NULL;
    }
  for (guint i = 0; i < n; i++)
    if (!reserve_side (&sides[i], carrier, error))
      {
        while (i-- > 0)
          unreserve_side (&sides[i]);
        return NULL;
      }
  return new_in_transit (handle, sides, n);
}

static void
set_states (GObject *handle, ChanObjectState state)
{
  HandleSide sides[2];
  guint n = handle_sides (handle, sides);

  for (guint i = 0; i < n; i++)
    g_atomic_int_set (sides[i].state, (gint) state);
}

/* Undoes pack_handle(). */
static void
unpack_handle (GObject *handle, GObject *packed)
{
  HandleSide sides[2];
  guint n = handle_sides (handle, sides);

  set_states (packed, CHAN_OBJECT_MOVED);
  for (guint i = 0; i < n; i++)
    unreserve_side (&sides[i]);
  if (CHAN_IS_FD (handle))
    chan_fd_unpack (CHAN_FD (handle), CHAN_FD (packed));
  else if (n == 0)
    chan_pump_unpack (handle);
  g_object_unref (packed);
}

static void
commit_handle (GObject *handle)
{
  HandleSide sides[2];

  if (CHAN_IS_FD (handle))
    chan_fd_commit (CHAN_FD (handle));
  else if (handle_sides (handle, sides) > 0)
    set_states (handle, CHAN_OBJECT_MOVED);
  else
    chan_pump_commit (handle);
}

static gboolean
check_counts (ChanMessage *message, GError **error)
{
  guint n = chan_message_get_n_handles (message);
  guint n_fds = 0;

  for (guint i = 0; i < n; i++)
    {
      GObject *handle = chan_message_get_handle (message, i);

      n_fds += handle != NULL && CHAN_IS_FD (handle);
    }
  if (n > chan_limits_default.message_handles)
    g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message carries at most %u handles, not %u",
                 chan_limits_default.message_handles, n);
  else if (n_fds > chan_limits_default.message_fds)
    g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message carries at most %u file descriptors, not %u",
                 chan_limits_default.message_fds, n_fds);
  else
    return TRUE;
  return FALSE;
}

ChanMessage *
chan_message_pack (ChanMessage *message, ChanPipe *carrier, GError **error)
{
  guint n = chan_message_get_n_handles (message);
  g_autofree GObject **handles = NULL;

  if (n == 0)
    return chan_message_ref (message);
  if (!check_counts (message, error) || !chan_message_reserve_handles (message, error))
    return NULL;
  handles = g_new (GObject *, n);
  for (guint i = 0; i < n; i++)
    {
      handles[i] = pack_handle (chan_message_peek_reserved (message, i), carrier, error);
      if (handles[i] != NULL)
        continue;
      while (i-- > 0)
        unpack_handle (chan_message_peek_reserved (message, i), handles[i]);
      chan_message_unreserve_handles (message);
      return NULL;
    }
  return chan_message_new_received (chan_body_ref (chan_message_peek_body (message)), g_steal_pointer (&handles), n);
}

gboolean
chan_message_check_carrier (ChanMessage *message, ChanPipe *carrier, GError **error)
{
  guint n = chan_message_get_n_handles (message);

  for (guint i = 0; i < n; i++)
    {
      HandleSide sides[2];
      guint n_sides = handle_sides (chan_message_peek_reserved (message, i), sides);

      for (guint k = 0; k < n_sides; k++)
        if (!check_carrier (sides[k].pipe, carrier, error))
          return FALSE;
    }
  return TRUE;
}

void
chan_message_commit (ChanMessage *message)
{
  guint n = chan_message_get_n_handles (message);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GObject) handle = chan_message_take_reserved (message, i);

      commit_handle (handle);
    }
}

void
chan_message_unpack (ChanMessage *message, ChanMessage *packed)
{
  guint n = chan_message_get_n_handles (message);

  for (guint i = 0; i < n; i++)
    unpack_handle (chan_message_peek_reserved (message, i), chan_message_steal_handle (packed, i));
  if (n > 0)
    chan_message_unreserve_handles (message);
  chan_message_unref (packed);
}

/* --- at the other side --- */

static void
handle_arrived (GObject *handle)
{
  HandleSide sides[2];
  guint n = handle_sides (handle, sides);
  ChanLater later;

  if (CHAN_IS_FD (handle))
    chan_fd_arrived (CHAN_FD (handle));
  for (guint i = 0; i < n; i++)
    {
      ChanPipe *pipe = sides[i].pipe;

      if (g_atomic_int_get (sides[i].state) != CHAN_OBJECT_TRANSIT)
        continue;
      if (CHAN_IS_SENDER (sides[i].object))
        chan_sender_adopt (sides[i].object);
      chan_later_init (&later);
      chan_pipe_lock (pipe);
      if (sides[i].sender && pipe->sender_side == CHAN_SIDE_RESERVED)
        {
          pipe->sender_side = CHAN_SIDE_LOCAL;
          pipe->sender_object = CHAN_IS_SENDER (sides[i].object) ? sides[i].object : NULL;
        }
      else if (!sides[i].sender && pipe->receiver_side == CHAN_SIDE_RESERVED)
        pipe->receiver_side = CHAN_SIDE_LOCAL;
      g_atomic_int_set (sides[i].state, CHAN_OBJECT_LIVE);
      chan_pipe_unlock (pipe, &later);
    }
}

void
chan_message_taken (ChanMessage *message)
{
  guint n = chan_message_get_n_handles (message);

  for (guint i = 0; i < n; i++)
    {
      GObject *handle = chan_message_get_handle (message, i);

      if (CHAN_IS_FD (handle))
        chan_fd_taken (CHAN_FD (handle));
    }
}

void
chan_message_arrived (ChanMessage *message)
{
  guint n = chan_message_get_n_handles (message);

  for (guint i = 0; i < n; i++)
    {
      GObject *handle = chan_message_get_handle (message, i);

      if (handle != NULL)
        handle_arrived (handle);
    }
}

void
chan_handle_arrived (GObject *handle)
{
  handle_arrived (handle);
}

void
chan_handle_cancel (GObject *handle)
{
  g_autoptr (GError) cancelled = NULL;
  HandleSide sides[2];
  guint n = handle_sides (handle, sides);
  ChanLater later;

  if (CHAN_IS_FD (handle))
    chan_fd_cancel (CHAN_FD (handle));
  for (guint i = 0; i < n; i++)
    {
      if (g_atomic_int_get (sides[i].state) == CHAN_OBJECT_MOVED)
        continue;
      g_clear_error (&cancelled);
      cancelled = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED,
                                       "The message that carried this channel's other end was dropped unread");
      chan_later_init (&later);
      chan_pipe_lock (sides[i].pipe);
      if (sides[i].sender)
        chan_pipe_fail_sender (sides[i].pipe, cancelled, FALSE, &later);
      else
        chan_pipe_close_receiver (sides[i].pipe, CHAN_CHANNEL_ERROR_CLOSED, cancelled->message, &later);
      chan_pipe_unlock (sides[i].pipe, &later);
      g_atomic_int_set (sides[i].state, CHAN_OBJECT_MOVED);
    }
}

void
chan_message_cancel_handles (ChanMessage *message)
{
  guint n = chan_message_get_n_handles (message);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GObject) handle = chan_message_steal_handle (message, i);

      if (handle != NULL)
        chan_handle_cancel (handle);
    }
}

/* --- to a stream --- */

/* NULL: without a relay. */
static ChanRelay *
export_side (HandleSide *side, ChanStream *stream, ChanReactor *reactor, ChanLater *later)
{
  if (!chan_pipe_attach (side->pipe, reactor, later))
    return chan_relay_export (side->pipe, side->sender, stream, reactor, later);
  if (side->sender)
    chan_stream_bind_in (stream, side->pipe, later);
  else
    chan_stream_bind_out (stream, side->pipe, later);
  return NULL;
}

void
chan_handle_export (GObject *handle, ChanStream *stream, ChanReactor *reactor, ChanLater *later)
{
  HandleSide sides[2];
  ChanRelay *relays[2] = { NULL };
  guint n = handle_sides (handle, sides);

  set_states (handle, CHAN_OBJECT_MOVED);
  for (guint i = 0; i < n; i++)
    relays[i] = export_side (&sides[i], stream, reactor, later);
  if (relays[0] != NULL && relays[1] != NULL)
    chan_relay_join (relays[0], relays[1]);
}

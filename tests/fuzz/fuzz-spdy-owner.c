/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-spdy-owner.h"

#include <string.h>

/* DATA is taken in units, wherever pieces end: what windows do depends on it. */
#define UNIT 256
/* Enough for any window and queue here; more only takes time. */
#define SENT_MAX 200000

typedef struct
{
  guint32 id;
  guint64 ref;
  gboolean own;
  gboolean replied, fin, reset, forgotten;
  gsize received, consumed;
  guint32 taken;
} Stream;

/* --- checks ------------------------------------------------------------- */

static void
check_limits (FuzzSpdyOwner *self)
{
  const ChanSpdyConn *conn = self->conn;
  const ChanLimits *limits = &conn->limits;

  g_assert (conn->n_peer_streams <= limits->peer_streams);
  g_assert (conn->imports.n_unclaimed <= limits->unclaimed_streams);
  g_assert (conn->gathered == NULL || conn->gathered->len <= limits->control_frame_bytes);
  /* 512 bytes are there from the first block on */
  g_assert (conn->headers_in.size <= MAX (limits->header_block_bytes + 2, 512));
  g_assert (conn->session_receive.consumed <= conn->session_receive.received);
  if (conn->dialect == CHAN_SPDY_DIALECT_GLIB && !self->plan->decides_late && !chan_spdy_conn_is_over (conn))
    g_assert (conn->session_receive.received <= conn->session_receive.limit);
}

static Stream *
find_stream (FuzzSpdyOwner *self, guint32 id)
{
  for (guint i = self->streams->len; i > 0; i--)
    {
      Stream *stream = self->streams->pdata[i - 1];

      if (stream->id == id)
        return stream;
    }
  g_assert_not_reached ();
}

static Stream *
add_stream (FuzzSpdyOwner *self, guint32 id, guint64 ref, gboolean own)
{
  Stream *stream = g_new0 (Stream, 1);

  stream->id = id;
  stream->ref = ref;
  stream->own = own;
  stream->replied = !own;
  g_ptr_array_add (self->streams, stream);
  chan_spdy_conn_set_stream_data (self->conn, id, stream);
  return stream;
}

/* --- what is reported ---------------------------------------------------- */

static void
trace (FuzzSpdyOwner *self, guint64 number)
{
  g_byte_array_append (self->trace, (const guint8 *) &number, sizeof number);
}

static void
trace_text (FuzzSpdyOwner *self, const char *text)
{
  trace (self, text != NULL);
  if (text == NULL)
    return;
  g_assert (g_utf8_validate (text, -1, NULL));
  g_byte_array_append (self->trace, (const guint8 *) text, (guint) strlen (text) + 1);
}

static void
on_open (FuzzSpdyOwner *self, const ChanSpdyEvent *event)
{
  g_assert (event->stream_id > self->last_peer_id);
  g_assert ((event->stream_id & 1) == (self->plan->role == CHAN_SPDY_SERVER));
  g_assert (event->open.ref > 0);
  g_assert (event->open.has_parent || event->open.parent_ref == 0);
  self->last_peer_id = event->stream_id;
  add_stream (self, event->stream_id, event->open.ref, FALSE);
  if (self->conn->head.flags & CHAN_SPDY_FLAG_UNIDIRECTIONAL)
    fuzz_spdy_output_one_way (&self->output, event->stream_id);
  trace (self, event->open.ref);
  trace (self, event->open.has_parent);
  trace (self, event->open.parent_ref);
  trace (self, (guint64) event->open.capacity);
  trace_text (self, event->open.name);
  trace_text (self, event->open.type);
}

static void
consume (FuzzSpdyOwner *self, Stream *stream, gsize len)
{
  chan_spdy_conn_consumed (self->conn, stream->id, len);
  stream->consumed += len;
}

static void
on_data (FuzzSpdyOwner *self, const ChanSpdyEvent *event)
{
  Stream *stream = event->stream_data;

  g_assert (stream != NULL && stream->id == event->stream_id && event->len > 0);
  g_assert (stream->replied && !stream->fin && !stream->reset && !stream->forgotten);
  if (self->traced_data != stream->id)
    {
      trace (self, CHAN_SPDY_EVENT_DATA);
      trace (self, stream->id);
      self->traced_data = stream->id;
    }
  g_byte_array_append (self->trace, event->data, (guint) event->len);
  stream->received += event->len;
  while (self->plan->consumes && stream->received - stream->consumed >= UNIT)
    consume (self, stream, UNIT);
}

static void
on_end (FuzzSpdyOwner *self, const ChanSpdyEvent *event)
{
  Stream *stream = event->stream_data;

  g_assert (!stream->reset);
  if (event->type == CHAN_SPDY_EVENT_FIN)
    {
      g_assert (stream->replied && !stream->fin);
      stream->fin = TRUE;
      consume (self, stream, stream->received - stream->consumed);
    }
  else
    stream->reset = TRUE;
  trace (self, event->status);
  trace (self, event->has_code);
  trace (self, event->code);
  trace_text (self, event->text);
  g_assert (event->text == NULL || strlen (event->text) <= CHAN_SPDY_ABORT_TEXT_MAX);
}

static void
on_reply (FuzzSpdyOwner *self, const ChanSpdyEvent *event)
{
  Stream *stream = event->stream_data;

  g_assert (stream->own && !stream->replied && !stream->reset);
  g_assert (event->status <= 999);
  stream->replied = TRUE;
  trace (self, event->status);
}

static void
on_failed (FuzzSpdyOwner *self, const ChanSpdyEvent *event)
{
  g_assert (event->text != NULL);
  trace_text (self, event->text);
  self->failed = TRUE;
}

static void
report (FuzzSpdyOwner *self, const ChanSpdyEvent *event)
{
  trace (self, event->type);
  trace (self, event->stream_id);
  switch (event->type)
    {
    case CHAN_SPDY_EVENT_OPEN:
      on_open (self, event);
      break;
    case CHAN_SPDY_EVENT_REPLY:
      on_reply (self, event);
      break;
    case CHAN_SPDY_EVENT_FIN:
    case CHAN_SPDY_EVENT_RESET:
      on_end (self, event);
      break;
    case CHAN_SPDY_EVENT_FAILED:
      on_failed (self, event);
      break;
    default:
      trace (self, event->count);
      trace (self, event->code);
      trace (self, event->ping_id);
      trace (self, event->last_good);
      trace (self, event->status);
      trace (self, event->has_window);
      trace (self, event->features);
      trace_text (self, event->type == CHAN_SPDY_EVENT_STOP ? event->text : NULL);
      break;
    }
}

/* --- what the owner does -------------------------------------------------- */

static void
open_stream (FuzzSpdyOwner *self, const Stream *parent, guint8 size)
{
  ChanSpdyOpen open = { .parent_ref = parent != NULL ? parent->ref : 0, .name = size & 1 ? "name" : NULL,
                        .type = size & 2 ? "a{sv}" : NULL, .capacity = size & 4 ? size : -1,
                        .byte_stream = (size & 8) != 0 };
  guint32 id;
  guint64 ref;

  if (chan_spdy_conn_open (self->conn, &open, NULL, &id, &ref))
    add_stream (self, id, ref, TRUE);
}

static void
send_some (FuzzSpdyOwner *self, Stream *stream, gsize len)
{
  guint8 *data = g_malloc0 (len);
  g_autoptr (GBytes) bytes = g_bytes_new_take (data, len);
  ChanSpdySegment segment = { data, len, len > 4096 ? bytes : NULL };

  if (self->sent + len > SENT_MAX)
    return;
  self->sent += len;
  chan_spdy_conn_send_data (self->conn, stream->id, &segment, 1);
}

static void
claim (FuzzSpdyOwner *self, Stream *stream)
{
  guint32 id = 0;

  if (chan_spdy_conn_claim (self->conn, stream->ref, &id) == CHAN_SPDY_CLAIM_OK)
    {
      trace (self, id);
      g_assert (chan_spdy_conn_claim (self->conn, stream->ref, &id) == CHAN_SPDY_CLAIM_TWICE);
    }
}

static void
forget (FuzzSpdyOwner *self, Stream *stream)
{
  chan_spdy_conn_forget (self->conn, stream->id);
  stream->forgotten = TRUE;
}

static void
reset (FuzzSpdyOwner *self, Stream *stream)
{
  chan_spdy_conn_reset (self->conn, stream->id, CHAN_SPDY_CANCEL, stream->id, "gone");
  /* Of what both sides had finished there is nothing to end. */
  stream->reset |= !stream->fin;
}

typedef enum
{
  ACT_NOTHING,
  ACT_SEND,
  ACT_SEND_MUCH,
  ACT_FINISH,
  ACT_RESET,
  ACT_FORGET,
  ACT_STOP,
  ACT_TAKEN,
  ACT_CLAIM,
  ACT_ASK_ROOM,
  ACT_OPEN,
  ACT_OPEN_NESTED,
  ACT_PING,
  ACT_GOAWAY,
  ACT_DRAIN,
  ACT_WAIT,
} Act;

static void
act_on_stream (FuzzSpdyOwner *self, Act what, Stream *stream, guint8 size)
{
  switch (what)
    {
    case ACT_SEND:
      send_some (self, stream, 1 + size);
      break;
    case ACT_SEND_MUCH:
      send_some (self, stream, 20000 * (1 + (gsize) (size & 3)));
      break;
    case ACT_FINISH:
      chan_spdy_conn_finish (self->conn, stream->id);
      break;
    case ACT_RESET:
      reset (self, stream);
      break;
    case ACT_FORGET:
      forget (self, stream);
      break;
    case ACT_STOP:
      chan_spdy_conn_stop (self->conn, stream->id, size, NULL);
      break;
    case ACT_TAKEN:
      chan_spdy_conn_taken (self->conn, stream->id, ++stream->taken);
      break;
    case ACT_CLAIM:
      claim (self, stream);
      break;
    case ACT_ASK_ROOM:
      trace (self, chan_spdy_conn_has_room (self->conn, stream->id));
      break;
    default:
      break;
    }
}

static void
act (FuzzSpdyOwner *self, Act what, Stream *stream, guint8 size)
{
  guint32 ping_id;

  if (stream != NULL)
    act_on_stream (self, what, stream, size);
  if (what == ACT_OPEN || what == ACT_OPEN_NESTED)
    open_stream (self, what == ACT_OPEN ? NULL : stream, size);
  else if (what == ACT_PING)
    chan_spdy_conn_ping (self->conn, &ping_id);
  else if (what == ACT_GOAWAY)
    chan_spdy_conn_goaway (self->conn, 0);
  else if (what == ACT_DRAIN)
    fuzz_spdy_output_drain (&self->output);
  else if (what == ACT_WAIT)
    chan_spdy_conn_set_now (self->conn, self->now_us += 50000 * (1 + (gint64) size));
}

/* The low half of an action says what, the high half to which stream: 0 is the
 * event's own, or the last one. */
static void
act_next (FuzzSpdyOwner *self, guint8 action, Stream *stream)
{
  guint8 which = action >> 4;
  guint n = self->streams->len;

  if (n > 0 && (which > 0 || stream == NULL))
    stream = self->streams->pdata[n - 1 - which % n];
  act (self, (Act) (action & 15), stream, which);
}

static void
decide (FuzzSpdyOwner *self)
{
  fuzz_spdy_output_drain (&self->output);
  if (!self->plan->sends_settings)
    chan_spdy_conn_submit_settings (self->conn, self->plan->dialect == CHAN_SPDY_DIALECT_GLIB ? 1 : 0);
  chan_spdy_conn_set_dialect (self->conn, self->plan->dialect);
}

static void
handle (FuzzSpdyOwner *self, const ChanSpdyEvent *event)
{
  const FuzzSpdyPlan *plan = self->plan;

  g_assert (!self->failed);
  check_limits (self);
  /* Room comes when somebody asks, so it depends on how much is fed at once. */
  if (event->type == CHAN_SPDY_EVENT_ROOM)
    {
      g_assert (chan_spdy_conn_has_room (self->conn, event->stream_id));
      g_assert (!find_stream (self, event->stream_id)->forgotten);
      return;
    }
  if (event->type == CHAN_SPDY_EVENT_DATA)
    {
      on_data (self, event);
      return;
    }
  self->traced_data = 0;
  report (self, event);
  g_assert (event->stream_data == NULL || !((Stream *) event->stream_data)->forgotten);
  if (plan->decides_late)
    decide (self);
  if (plan->drains)
    fuzz_spdy_output_drain (&self->output);
  if (plan->n_actions > 0)
    act_next (self, plan->actions[self->next_action++ % plan->n_actions], event->stream_data);
  check_limits (self);
}

/* --- from begin to end ---------------------------------------------------- */

void
fuzz_spdy_owner_init (FuzzSpdyOwner *self, const FuzzSpdyPlan *plan)
{
  ChanLimits limits;

  fuzz_spdy_plan_limits (plan, &limits);
  *self = (FuzzSpdyOwner) { .plan = plan, .conn = chan_spdy_conn_new (plan->role, &limits) };
  fuzz_spdy_output_init (&self->output, self->conn);
  self->streams = g_ptr_array_new_with_free_func (g_free);
  self->trace = g_byte_array_new ();
  if (!plan->decides_late)
    chan_spdy_conn_set_dialect (self->conn, plan->dialect);
  if (plan->sends_settings)
    chan_spdy_conn_submit_settings (self->conn, 1);
  else if (plan->decides_late)
    chan_spdy_conn_await_settings (self->conn);
  for (guint i = 0; i < plan->n_early; i++)
    act_next (self, plan->actions[i], NULL);
}

void
fuzz_spdy_owner_clear (FuzzSpdyOwner *self)
{
  fuzz_spdy_output_clear (&self->output);
  chan_spdy_conn_free (self->conn);
  g_ptr_array_unref (self->streams);
  g_byte_array_unref (self->trace);
}

static void
feed (FuzzSpdyOwner *self, const guint8 *data, gsize len)
{
  ChanSpdyEvent event;

  chan_spdy_conn_feed (self->conn, data, len);
  while (chan_spdy_conn_next_event (self->conn, &event))
    handle (self, &event);
  check_limits (self);
}

void
fuzz_spdy_owner_feed (const guint8 *data, gsize len, gpointer owner)
{
  feed (owner, data, len);
}

/* A connection that failed says nothing more, whatever comes and whatever is asked of it. */
static void
check_over (FuzzSpdyOwner *self)
{
  static const guint8 ping[] = { 0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1, 0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 2 };
  gsize said = self->output.bytes->len;

  g_assert (self->output.failed);
  feed (self, ping, sizeof ping);
  for (guint i = 0; i < self->streams->len; i++)
    {
      for (Act what = ACT_NOTHING; what <= ACT_WAIT; what++)
        act (self, what, self->streams->pdata[i], 0);
    }
  fuzz_spdy_output_drain (&self->output);
  g_assert (self->output.bytes->len == said);
}

void
fuzz_spdy_owner_end (FuzzSpdyOwner *self)
{
  fuzz_spdy_output_drain (&self->output);
  g_assert (self->failed == chan_spdy_conn_is_over (self->conn));
  if (self->failed)
    check_over (self);
}

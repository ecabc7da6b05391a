/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-stream-link-private.h"

#include "chan-fork.h"
#include "chan-link-private.h"

/**
 * ChanStreamLink:
 *
 * The link over any two-way stream of bytes: SPDY frames and msgpack, behind
 * `tcp:`, `tls:` and `unix:`, and behind a stream of your own. C only: bindings
 * give their stream to [method@Chan.Operation.return_stream].
 *
 * Since: 0.1
 */

/* The slots of a link over bytes, and its turn at the socket. What comes in:
 * chan-stream-link-input.c; what it does with messages: chan-stream-link-data.c. */

#define READ_CHUNK 65536
#define READ_BUDGET (2 * READ_CHUNK)
#define WRITE_SEGMENTS 32
#define HOLD_BYTES 16384
#define CLOSE_WAIT_US (5 * G_USEC_PER_SEC)

G_DEFINE_FINAL_TYPE (ChanStreamLink, chan_stream_link, CHAN_TYPE_LINK)

LinkStream *
chan_link_stream_new (ChanStreamLink *self, guint32 sid)
{
  LinkStream *stream = g_new0 (LinkStream, 1);

  stream->sid = sid;
  stream->capacity = -1;
  return stream;
}

void
chan_link_stream_free (ChanStreamLink *self, LinkStream *stream)
{
  g_ptr_array_remove_fast (self->unbound, stream);
  g_ptr_array_remove_fast (self->waiting, stream);
  chan_stream_link_drop_slot (self, stream);
  chan_decoder_clear (&stream->decoder);
  g_clear_pointer (&stream->held, g_byte_array_unref);
  if (stream->waiting != NULL)
    {
      chan_body_unref (stream->waiting->body);
      g_free (stream->waiting->handles);
      g_free (stream->waiting);
    }
  g_free (stream->reset_text);
  g_free (stream);
}

/* --- the socket --- */

typedef enum
{
  WRITE_DONE,    /* nothing waits */
  WRITE_BLOCKED, /* the socket takes no more now */
  WRITE_FAILED,
} WriteResult;

static WriteResult
link_write (ChanStreamLink *self, GError **error)
{
  ChanSpdySegment segments[WRITE_SEGMENTS];
  GOutputVector vectors[WRITE_SEGMENTS];
  gsize n;

  self->urgent = FALSE;
  if (self->state >= LINK_SHUTTING)
    return WRITE_DONE;
  while ((n = chan_spdy_conn_peek_output (self->conn, segments, WRITE_SEGMENTS)) > 0)
    {
      gssize done;

      for (gsize i = 0; i < n; i++)
        vectors[i] = (GOutputVector){ segments[i].data, segments[i].len };
      if (chan_spdy_conn_output_fds (self->conn) > 0)
        done = chan_stream_link_write_fds (self, vectors, n, error);
      else
        done = self->io->funcs->writev (self->io, vectors, n, error);
      if (done == CHAN_BYTE_IO_AGAIN)
        return WRITE_BLOCKED;
      if (done < 0)
        return WRITE_FAILED;
      self->bytes_out += (guint64) done;
      self->stall_deadline = 0;
      chan_spdy_conn_consume_output (self->conn, (gsize) done);
    }
  if (self->io->funcs->flush != NULL && (self->io->want & G_IO_OUT) != 0)
    switch (self->io->funcs->flush (self->io, error))
      {
      case CHAN_BYTE_IO_ERROR:
        return WRITE_FAILED;
      case CHAN_BYTE_IO_AGAIN:
        return WRITE_BLOCKED;
      default:
        break;
      }
  return WRITE_DONE;
}

static gboolean
link_has_output (ChanStreamLink *self)
{
  return (self->state < LINK_SHUTTING && (self->urgent || chan_spdy_conn_output_urgent (self->conn))) || (self->io->want & G_IO_OUT) != 0;
}

/* Something else than a GOAWAY is still here. */
static gboolean
link_is_cut (ChanStreamLink *self)
{
  gsize left = chan_spdy_conn_output_bytes (self->conn);

  return !chan_spdy_conn_all_sent (self->conn) || left > (self->goaway_sent ? CHAN_SPDY_PAIR_SIZE : 0) ||
         (self->io->want & G_IO_OUT) != 0;
}

static gboolean
was_forked (ChanStreamLink *self)
{
  return self->generation != chan_fork_generation ();
}

static void
link_eof (ChanStreamLink *self)
{
  if (was_forked (self))
    g_set_error_literal (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "The connection is the parent's");
  else if (self->state == LINK_RUNNING && chan_spdy_conn_in_frame (self->conn))
    g_set_error_literal (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "The connection ended in the middle of a frame");
  else if (self->state == LINK_HANDSHAKE || self->state == LINK_SETTLING)
    g_set_error_literal (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "The peer closed the connection before the session began");
  /* Our own kind says when it goes. */
  else if (self->dialect == CHAN_SPDY_DIALECT_GLIB && !self->goaway_seen && self->state == LINK_RUNNING)
    g_set_error_literal (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "The peer went away");
  else
    {
      /* So that a peer behind TLS, too, sees a clean end of ours. */
      if (self->state == LINK_RUNNING && link_write (self, NULL) == WRITE_DONE)
        {
          self->state = LINK_SHUTTING;
          self->io->funcs->shutdown (self->io, NULL);
        }
      chan_link_hang_up (CHAN_LINK (self));
    }
}

/* Others than our own kind are known to leave TLS without close_notify. What
 * there was is complete all the same if all channels have had their ends. */
static void
link_truncated (ChanStreamLink *self)
{
  if (!self->io->truncated || self->state != LINK_RUNNING || chan_spdy_conn_in_frame (self->conn) ||
      (self->dialect == CHAN_SPDY_DIALECT_GLIB && !self->goaway_seen))
    return;
  chan_link_private (CHAN_LINK (self))->cut_error = g_steal_pointer (&self->failure);
  chan_link_hang_up (CHAN_LINK (self));
}

static void
link_read (ChanStreamLink *self)
{
  /* One buffer a thread, not one a connection: idle ones own none. */
  static __thread guint8 buffer[READ_CHUNK];
  gsize total = 0;

  while (total < READ_BUDGET && self->state != LINK_DEAD && self->failure == NULL && !self->paused)
    {
      guint n_fds = self->io->fds != NULL ? self->io->fds->len : 0;
      gssize n = self->io->funcs->read (self->io, buffer, sizeof buffer, &self->failure);

      if (n == CHAN_BYTE_IO_ERROR)
        link_truncated (self);
      if (n == CHAN_BYTE_IO_AGAIN || n == CHAN_BYTE_IO_ERROR)
        break;
      if (n == CHAN_BYTE_IO_EOF)
        {
          link_eof (self);
          break;
        }
      total += (gsize) n;
      self->bytes_in += (guint64) n;
      self->heard = self->now;
      chan_stream_link_read_fds (self, n_fds);
      chan_spdy_conn_feed (self->conn, buffer, (gsize) n);
      chan_stream_link_process (self);
      /* Less than asked for: there is nothing more, and no need to ask. */
      if ((gsize) n < sizeof buffer && !self->io->read_pending)
        break;
    }
}

/* Writing failed: what the peer sent before is delivered first, and reading
 * knows best why (chan-byte-io.h). */
static void
link_read_rest (ChanStreamLink *self, GError *write_error)
{
  guint64 before;

  do
    {
      before = self->bytes_in;
      link_read (self);
    }
  while (self->state != LINK_DEAD && self->failure == NULL && self->bytes_in > before);
  if (self->state != LINK_DEAD && self->failure == NULL)
    self->failure = write_error;
  else
    g_error_free (write_error);
}

/* Writing makes room, room makes output: until the socket is full or all is said. */
static void
link_output (ChanStreamLink *self)
{
  while (self->state != LINK_DEAD && self->failure == NULL)
    {
      GError *error = NULL;
      WriteResult result = link_write (self, &error);

      if (result == WRITE_FAILED)
        {
          link_read_rest (self, error);
          return;
        }
      chan_stream_link_process (self);
      if (result == WRITE_BLOCKED || self->state >= LINK_SHUTTING || chan_spdy_conn_output_bytes (self->conn) == 0)
        return;
    }
}

static void
link_begin_settling (ChanStreamLink *self)
{
  self->state = LINK_SETTLING;
  self->heard = self->now;
  self->handshake_deadline = 0;
  chan_stream_link_offer_fds (self);
  /* Whoever knows already says so; a client that does not, when it does (chan_stream_link_settle). */
  if (self->wanted == CHAN_SPDY_DIALECT_GLIB || self->io->alpn != NULL
      || (self->wanted == CHAN_SPDY_DIALECT_UNKNOWN && self->role == CHAN_SESSION_SERVER))
    chan_spdy_conn_submit_settings (self->conn, self->features);
  else if (self->wanted == CHAN_SPDY_DIALECT_UNKNOWN)
    chan_spdy_conn_await_settings (self->conn);
  if (self->wanted != CHAN_SPDY_DIALECT_UNKNOWN && self->wanted != CHAN_SPDY_DIALECT_GLIB)
    chan_stream_link_settle (self, self->wanted);
  else if (self->wanted == CHAN_SPDY_DIALECT_GLIB || self->io->alpn != NULL)
    self->settle_deadline = self->now + (gint64) self->handshake_sec * G_USEC_PER_SEC;
  else if (self->role == CHAN_SESSION_CLIENT)
    self->settle_deadline = self->now + (gint64) self->settle_ms * 1000;
  /* A server learns who the client is from its first frame, which may come late;
   * channels are accepted without knowing. */
  if (self->role == CHAN_SESSION_SERVER)
    chan_link_ready (CHAN_LINK (self));
}

static gboolean
link_handshake (ChanStreamLink *self)
{
  gssize step = self->io->funcs->handshake != NULL ? self->io->funcs->handshake (self->io, &self->failure) : 1;

  if (step == 1)
    link_begin_settling (self);
  return step == 1;
}

/* jschan does not end its half of a channel, but answers a PING after what came before it. */
static gboolean
link_all_read (ChanStreamLink *self)
{
  if (!chan_spdy_conn_is_jschan (self->conn) || self->last_ping_answered)
    return TRUE;
  if (self->last_ping_id == 0)
    {
      self->close_deadline = self->now + CLOSE_WAIT_US;
      chan_spdy_conn_ping (self->conn, &self->last_ping_id);
      link_output (self);
    }
  return FALSE;
}

static void
link_shut (ChanStreamLink *self)
{
  gssize step;

  if (self->state != LINK_CLOSING && self->state != LINK_SHUTTING)
    return;
  /* A Go peer stops at GOAWAY: it is sent when nothing is left to say. */
  if (!self->goaway_sent && chan_spdy_conn_all_sent (self->conn) && link_all_read (self))
    {
      self->goaway_sent = TRUE;
      if (self->dialect != CHAN_SPDY_DIALECT_UNKNOWN)
        chan_spdy_conn_goaway (self->conn, 0);
      link_output (self);
    }
  if (self->state == LINK_CLOSING && self->goaway_sent && self->failure == NULL && !link_has_output (self))
    {
      self->close_deadline = self->now + CLOSE_WAIT_US;
      self->state = LINK_SHUTTING;
    }
  if (self->state != LINK_SHUTTING)
    return;
  step = self->io->funcs->shutdown (self->io, &self->failure);
  if (step == 1)
    self->state = LINK_SHUT;
}

void
chan_stream_link_update_poll (ChanStreamLink *self)
{
  GIOCondition want = self->paused ? 0 : G_IO_IN;
  gint64 deadlines[] = { self->settle_deadline, self->handshake_deadline, self->close_deadline,
                         self->frame_deadline, self->stall_deadline, self->ping_deadline,
                         self->reset_deadline, self->idle_deadline };
  gint64 deadline = G_MAXINT64;

  if (self->state == LINK_HANDSHAKE)
    want = self->io->want != 0 ? self->io->want : G_IO_IN;
  else if (link_has_output (self) && !chan_link_private (CHAN_LINK (self))->session->reactor->held_back)
    {
      want |= G_IO_OUT;
      if (self->stall_deadline == 0 && self->stall_sec > 0)
        self->stall_deadline = deadlines[4] = self->now + (gint64) self->stall_sec * G_USEC_PER_SEC;
    }
  else
    self->stall_deadline = deadlines[4] = 0;
  for (guint i = 0; i < G_N_ELEMENTS (deadlines); i++)
    if (deadlines[i] > 0)
      deadline = MIN (deadline, deadlines[i]);
  for (guint i = 0; i < self->waiting->len; i++)
    deadline = MIN (deadline, ((LinkStream *) self->waiting->pdata[i])->waiting_until);
  /* What TLS has decrypted does not make the socket readable. */
  if (self->io->read_pending && (want & G_IO_IN) != 0)
    deadline = self->now;
  chan_link_set_poll (CHAN_LINK (self), self->io->fd, want, deadline);
}

/* What is only held back is written by who serves (chan-reactor.h). */
static gboolean
link_should_write (ChanStreamLink *self, GIOCondition ready)
{
  ChanReactor *reactor = chan_link_private (CHAN_LINK (self))->session->reactor;

  if ((ready & G_IO_OUT) != 0)
    return TRUE;
  if (!link_has_output (self))
    return FALSE;
  reactor->held_back = reactor->hold_back && self->state == LINK_RUNNING && chan_spdy_conn_output_bytes (self->conn) < HOLD_BYTES;
  return !reactor->held_back;
}

static gboolean
stream_link_service (ChanLink *link, GIOCondition ready, GError **error)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);

  if (self->state == LINK_DEAD)
    return TRUE;
  self->now = g_get_monotonic_time ();
  chan_spdy_conn_set_now (self->conn, self->now);
  if (self->state != LINK_HANDSHAKE || link_handshake (self))
    {
      if ((ready & G_IO_IN) != 0 || self->io->read_pending)
        link_read (self);
      if (self->state != LINK_DEAD && self->failure == NULL)
        chan_stream_link_time (self);
      if (self->state != LINK_DEAD && self->failure == NULL && link_should_write (self, ready))
        link_output (self);
      if (self->state != LINK_DEAD && self->failure == NULL)
        link_shut (self);
    }
  else if (self->failure == NULL)
    chan_stream_link_time (self);
  if (self->failure != NULL)
    {
      /* What says why (GOAWAY) is worth a try. */
      link_write (self, NULL);
      chan_link_private (link)->unsaid = link_is_cut (self);
      if (was_forked (self))
        g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST,
                             "This session belongs to the process that forked this one: make another here");
      else
        g_propagate_error (error, g_steal_pointer (&self->failure));
      g_clear_error (&self->failure);
      return FALSE;
    }
  if (self->state != LINK_DEAD)
    chan_stream_link_update_poll (self);
  return TRUE;
}

static void
stream_link_shutdown (ChanLink *link, gboolean drain)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);

  if (self->state == LINK_DEAD)
    return;
  if (!drain)
    {
      link_write (self, NULL);
      self->state = LINK_DEAD;
      chan_stream_link_drop_unannounced_fds (self);
      /* It may close a stream of the application's own, and drop its last reference to that. */
      chan_later_add (chan_link_private (link)->session->reactor->later, (ChanLaterFunc) chan_byte_io_free, g_steal_pointer (&self->io));
      return;
    }
  /* What waits for the dialect goes out first. */
  self->close_wanted = self->state == LINK_SETTLING && self->settle_deadline > 0;
  if (self->state >= LINK_CLOSING || self->close_wanted)
    return;
  self->state = LINK_CLOSING;
}

static void
stream_link_describe (ChanLink *link, ChanLinkInfo *info)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);
  static const char *const dialects[] = { NULL, "glib", "2", "1" };

  info->dialect = dialects[self->dialect];
  info->bytes_in = self->bytes_in;
  info->bytes_out = self->bytes_out;
  info->unread_bytes = chan_stream_link_count_unread (self);
  if (self->io == NULL)
    return;
  info->peer_certificate = self->io->peer_certificate;
  info->peer_credentials = self->io->peer_credentials;
  info->local_address = self->io->local_address;
  info->remote_address = self->io->remote_address;
}

static void
chan_stream_link_finalize (GObject *object)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (object);

  chan_stream_link_clear_fds (self);
  g_clear_pointer (&self->io, chan_byte_io_free);
  g_clear_pointer (&self->conn, chan_spdy_conn_free);
  chan_encoded_clear (&self->encoded);
  g_clear_pointer (&self->unbound, g_ptr_array_unref);
  g_clear_pointer (&self->waiting, g_ptr_array_unref);
  g_clear_pointer (&self->slot_queue, g_ptr_array_unref);
  g_clear_error (&self->failure);
  G_OBJECT_CLASS (chan_stream_link_parent_class)->finalize (object);
}

static void
chan_stream_link_class_init (ChanStreamLinkClass *klass)
{
  ChanLinkClass *link_class = CHAN_LINK_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = chan_stream_link_finalize;
  link_class->flags = CHAN_LINK_DRIVEN | CHAN_LINK_OWN_WINDOWS;
  link_class->open = chan_stream_link_open;
  link_class->send = chan_stream_link_send;
  link_class->write = chan_stream_link_write;
  link_class->grant = chan_stream_link_grant;
  link_class->finish = chan_stream_link_finish;
  link_class->reset = chan_stream_link_reset;
  link_class->reset_behind = chan_stream_link_reset_behind;
  link_class->stop = chan_stream_link_stop;
  link_class->shutdown = stream_link_shutdown;
  link_class->service = stream_link_service;
  link_class->has_room = chan_stream_link_has_room;
  link_class->ping = chan_stream_link_ping;
  link_class->forget = chan_stream_link_forget;
  link_class->describe = stream_link_describe;
  link_class->keep = chan_stream_link_keep;
  link_class->release = chan_stream_link_release;
}

static void
chan_stream_link_init (ChanStreamLink *self)
{
  ChanLinkPrivate *priv = chan_link_private (CHAN_LINK (self));

  priv->wanted = chan_stream_link_wanted;
  self->unbound = g_ptr_array_new ();
  self->waiting = g_ptr_array_new ();
  self->slot_queue = g_ptr_array_new ();
}

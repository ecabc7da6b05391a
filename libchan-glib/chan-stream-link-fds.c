/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-stream-link-private.h"

#include <unistd.h>

#include "chan-link-private.h"

/* File descriptors: each has a number, from 0 on in the order in which it is
 * sent. FDS says for which channel those are that come with its first byte, and
 * a message names them by number (docs/wire.md, "File descriptors"). */

typedef struct
{
  int fd;
  guint32 sid; /* of the channel whose message may name it */
} LinkFd;

void
chan_stream_link_offer_fds (ChanStreamLink *self)
{
  self->features = CHAN_SPDY_FEATURE_BASE;
  if (self->io->funcs->writev_fds == NULL || self->limits.message_fds == 0 || self->limits.session_fds == 0)
    return;
  self->features |= CHAN_SPDY_FEATURE_FDS;
  self->io->takes_fds = TRUE;
}

/* --- out ------------------------------------------------------------------- */

void
chan_stream_link_queue_fds (ChanStreamLink *self, LinkStream *stream, const ChanHandleRef *refs, gsize n_refs)
{
  guint n = 0;

  for (gsize i = 0; i < n_refs; i++)
    {
      if (refs[i].kind != CHAN_STREAM_FD)
        continue;
      if (self->fds_out == NULL)
        self->fds_out = g_array_new (FALSE, FALSE, sizeof (int));
      g_array_append_val (self->fds_out, refs[i].fd);
      n++;
    }
  if (n == 0)
    return;
  self->n_fds_out += n;
  chan_spdy_conn_send_fds (self->conn, stream->sid, n);
}

gssize
chan_stream_link_write_fds (ChanStreamLink *self, const GOutputVector *vectors, gsize n, GError **error)
{
  guint n_fds = chan_spdy_conn_output_fds (self->conn);
  const int *fds = (const int *) (gconstpointer) self->fds_out->data;
  gssize done = self->io->funcs->writev_fds (self->io, vectors, n, fds, n_fds, error);

  if (done <= 0)
    return done;
  for (guint i = 0; i < n_fds; i++)
    chan_fd_close_later (fds[i], chan_link_private (CHAN_LINK (self))->session->reactor->later);
  g_array_remove_range (self->fds_out, 0, n_fds);
  return done;
}

/* --- in ----------------------------------------------------------------------- */

void
chan_stream_link_read_fds (ChanStreamLink *self, guint n_before)
{
  guint n = self->io->fds != NULL ? self->io->fds->len : 0;

  if (n > n_before)
    chan_spdy_conn_feed_fds (self->conn, n - n_before);
}

static void
keep (ChanStreamLink *self, guint32 sid, int fd, guint64 number)
{
  LinkFd *entry = g_new (LinkFd, 1);
  guint64 *key = g_memdup2 (&number, sizeof number);

  *entry = (LinkFd){ fd, sid };
  if (self->fds_in == NULL)
    self->fds_in = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  g_hash_table_insert (self->fds_in, key, entry);
}

/* What the peer may not: the channel ends, others go on. */
static GError *
check_count (ChanStreamLink *self, guint count)
{
  guint held = self->fds_in != NULL ? g_hash_table_size (self->fds_in) : 0;

  if (self->fd_quota == NULL)
    self->fd_quota = chan_fd_quota_new (self->limits.session_fds);
  if (count > self->limits.message_fds)
    return g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX,
                        "A message carries at most %u file descriptors, not %u", self->limits.message_fds, count);
  if (held + (guint) g_atomic_int_get (&self->fd_quota->n) + count > self->limits.session_fds)
    return g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT,
                        "More than %u file descriptors of this session wait to be taken", self->limits.session_fds);
  return NULL;
}

void
chan_stream_link_fds_arrived (ChanStreamLink *self, guint32 sid, LinkStream *stream, guint count)
{
  g_autoptr (GError) error = check_count (self, count);

  for (guint i = 0; i < count; i++)
    {
      int fd = g_array_index (self->io->fds, int, i);

      if (stream == NULL || error != NULL)
        chan_fd_close_later (fd, chan_link_private (CHAN_LINK (self))->session->reactor->later);
      else
        keep (self, sid, fd, self->n_fds_in + i);
    }
  self->n_fds_in += count;
  g_array_remove_range (self->io->fds, 0, count);
  if (stream != NULL && error != NULL)
    chan_stream_link_end_stream (self, stream, error);
}

gboolean
chan_stream_link_has_fds (ChanStreamLink *self, LinkStream *stream, const ChanDecoded *message, GError **error)
{
  guint n = 0;

  for (gsize i = 0; i < message->n_handles; i++)
    {
      LinkFd *entry = NULL;
      gboolean twice = FALSE;

      if (message->handles[i].kind != CHAN_WIRE_FD)
        continue;
      if (self->fds_in != NULL)
        entry = g_hash_table_lookup (self->fds_in, &message->handles[i].ref);
      for (gsize k = 0; k < i; k++)
        twice |= message->handles[k].kind == CHAN_WIRE_FD && message->handles[k].ref == message->handles[i].ref;
      if (entry == NULL || entry->sid != stream->sid || twice)
        {
          g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL,
                               "A message names a file descriptor that did not come for it");
          return FALSE;
        }
      n++;
    }
  if (n <= self->limits.message_fds)
    return TRUE;
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX,
               "A message carries at most %u file descriptors, not %u", self->limits.message_fds, n);
  return FALSE;
}

GObject *
chan_stream_link_take_fd (ChanStreamLink *self, guint64 number)
{
  LinkFd *entry = g_hash_table_lookup (self->fds_in, &number);
  int fd = entry->fd;

  g_hash_table_remove (self->fds_in, &number);
  return G_OBJECT (chan_fd_new_received (fd, self->fd_quota));
}

/* --- the end -------------------------------------------------------------------- */

void
chan_stream_link_forget_fds (ChanStreamLink *self, guint32 sid)
{
  GHashTableIter iter;
  gpointer value;

  if (self->fds_in == NULL)
    return;
  g_hash_table_iter_init (&iter, self->fds_in);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      LinkFd *entry = value;

      if (entry->sid != sid)
        continue;
      chan_fd_close_later (entry->fd, chan_link_private (CHAN_LINK (self))->session->reactor->later);
      g_hash_table_iter_remove (&iter);
    }
}

/* The connection is about to be freed, under the lock. */
void
chan_stream_link_drop_unannounced_fds (ChanStreamLink *self)
{
  for (guint i = 0; self->io->fds != NULL && i < self->io->fds->len; i++)
    chan_fd_close_later (g_array_index (self->io->fds, int, i), chan_link_private (CHAN_LINK (self))->session->reactor->later);
  g_clear_pointer (&self->io->fds, g_array_unref);
}

void
chan_stream_link_clear_fds (ChanStreamLink *self)
{
  GHashTableIter iter;
  gpointer value;

  for (guint i = 0; self->fds_out != NULL && i < self->fds_out->len; i++)
    close (g_array_index (self->fds_out, int, i));
  g_clear_pointer (&self->fds_out, g_array_unref);
  if (self->fds_in != NULL)
    {
      g_hash_table_iter_init (&iter, self->fds_in);
      while (g_hash_table_iter_next (&iter, NULL, &value))
        close (((LinkFd *) value)->fd);
    }
  g_clear_pointer (&self->fds_in, g_hash_table_unref);
  g_clear_pointer (&self->fd_quota, chan_fd_quota_unref);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-link-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Byte streams are pairs of sockets: the bytes never see the bus. How a stream
 * ended is said by Finish, Reset and Stop: an end of file alone says nothing,
 * for the sockets of a process that dies end too. */

#define READ_CHUNK 65536

gboolean
chan_dbus_bytes_new (Stream *stream, GError **error)
{
  int fds[2];
  int failed;

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0)
    {
      stream->fd = fds[0];
      stream->far_fd = fds[1];
      stream->fork_fd = chan_dbus_fork_add_fd (stream->fd);
      return TRUE;
    }
  failed = errno;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failed), "Cannot make a pair of sockets: %s", g_strerror (failed));
  return FALSE;
}

void
chan_dbus_bytes_take (ChanDBusLink *self, Stream *stream, int fd)
{
  stream->fd = fd;
  stream->fork_fd = chan_dbus_fork_add_fd (fd);
  g_unix_set_fd_nonblocking (fd, TRUE, NULL);
  chan_dbus_bytes_watch (self, stream);
}

/* How much may be read now */
static gsize
may_read (ChanDBusLink *self, const Stream *stream)
{
  guint64 n = stream->in_over || stream->in_ended ? 0 : chan_dbus_bytes_window (self, stream);

  if (stream->finish_seen)
    n = MIN (n, stream->finish_bytes - MIN (stream->finish_bytes, stream->in));
  if (stream->reset_wanted)
    n = MIN (n, stream->reset_bytes - MIN (stream->reset_bytes, stream->in));
  return (gsize) n;
}

void
chan_dbus_bytes_watch (ChanDBusLink *self, Stream *stream)
{
  struct epoll_event event = { .data.u64 = stream->number };
  int operation;

  if (stream->fd < 0 || self->epoll_fd < 0)
    return;
  if (may_read (self, stream) > 0)
    event.events |= EPOLLIN;
  if (stream->rest != NULL)
    event.events |= EPOLLOUT;
  if (event.events == stream->watched)
    return;
  operation = event.events == 0 ? EPOLL_CTL_DEL : stream->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  epoll_ctl (self->epoll_fd, operation, stream->fd, &event);
  stream->watched = event.events;
}

void
chan_dbus_bytes_close (ChanDBusLink *self, Stream *stream)
{
  /* Its duplicates at the peer would keep it in the set. */
  if (stream->watched != 0)
    epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, stream->fd, NULL);
  stream->watched = 0;
  chan_dbus_fork_remove_fd (g_steal_pointer (&stream->fork_fd));
  if (stream->fd >= 0)
    close (stream->fd);
  if (stream->far_fd >= 0)
    close (stream->far_fd);
  stream->fd = stream->far_fd = -1;
  g_clear_pointer (&stream->rest, g_bytes_unref);
  g_clear_pointer (&stream->reset_text, g_free);
}

/* --- out --- */

static void
tell_finish (ChanDBusLink *self, Stream *stream)
{
  stream->finish_wanted = FALSE;
  shutdown (stream->fd, SHUT_WR);
  chan_dbus_link_call (self, CALL_CONTROL, 0, "Finish", g_variant_new ("(tut)", stream->number, 0, (guint64) stream->out), NULL);
}

/* Takes nothing: the rest is kept. */
static void
write_some (ChanDBusLink *self, Stream *stream)
{
  while (stream->rest != NULL)
    {
      gsize size;
      const guint8 *data = g_bytes_get_data (stream->rest, &size);
      gssize n = send (stream->fd, data + stream->rest_offset, size - stream->rest_offset, MSG_NOSIGNAL | MSG_DONTWAIT);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno == EAGAIN)
        return;
      /* The peer's call says why, or its absence. */
      if (n < 0)
        {
          stream->out_broken = TRUE;
          g_clear_pointer (&stream->rest, g_bytes_unref);
          return;
        }
      stream->out += (gsize) n;
      self->bytes_out += (guint64) n;
      stream->rest_offset += (gsize) n;
      if (stream->rest_offset == size)
        g_clear_pointer (&stream->rest, g_bytes_unref);
    }
}

gboolean
chan_dbus_bytes_write (ChanLink *link, guint64 id, GBytes *bytes, GError **error)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);
  Stream *stream = chan_link_get_stream_data (link, id);

  stream->rest = g_bytes_ref (bytes);
  stream->rest_offset = 0;
  write_some (self, stream);
  chan_dbus_bytes_watch (self, stream);
  return TRUE;
}

void
chan_dbus_bytes_finish (ChanDBusLink *self, Stream *stream)
{
  if (stream->rest != NULL)
    stream->finish_wanted = TRUE;
  else
    tell_finish (self, stream);
}

/* --- in --- */

/* The stream may be gone afterwards. */
static void
check_finish (ChanDBusLink *self, Stream *stream)
{
  stream->in_over = TRUE;
  if (stream->in > stream->finish_bytes)
    chan_dbus_link_end_stream (self, stream, CHAN_CHANNEL_ERROR_PROTOCOL, "The peer wrote more than it says");
  else if (stream->in < stream->finish_bytes)
    chan_dbus_link_end_stream (self, stream, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "The socket ended before all was read that the peer wrote");
  else
    {
      chan_dbus_bytes_watch (self, stream);
      chan_link_deliver_finish (CHAN_LINK (self), stream->id);
    }
}

/* The same */
static void
check_end (ChanDBusLink *self, Stream *stream)
{
  g_autofree char *text = NULL;

  if (stream->reset_wanted && (stream->in_over || stream->in_ended || stream->in >= stream->reset_bytes))
    {
      text = g_steal_pointer (&stream->reset_text);
      chan_link_deliver_reset (CHAN_LINK (self), stream->id, stream->reset_code, text);
    }
  else if (!stream->in_over && stream->finish_seen && !stream->reset_wanted && (stream->in_ended || stream->in >= stream->finish_bytes))
    check_finish (self, stream);
}

/* FALSE: nothing is there, or it was the end. */
static gboolean
read_some (ChanDBusLink *self, Stream *stream, gsize max)
{
  static __thread guint8 buffer[READ_CHUNK];
  gssize n;

  do
    n = recv (stream->fd, buffer, MIN (max, sizeof buffer), MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN)
    return FALSE;
  if (n <= 0)
    {
      /* No more comes; Finish must, or a reason. */
      stream->in_ended = TRUE;
      return FALSE;
    }
  stream->in += (gsize) n;
  self->bytes_unread += (gsize) n;
  self->bytes_in += (guint64) n;
  chan_link_deliver_bytes (CHAN_LINK (self), stream->id, g_bytes_new (buffer, (gsize) n));
  return TRUE;
}

void
chan_dbus_bytes_finished (ChanDBusLink *self, Stream *stream, guint64 bytes)
{
  if (stream->finish_seen || stream->reset_wanted)
    return;
  stream->finish_seen = TRUE;
  stream->finish_bytes = bytes;
  check_end (self, stream);
}

void
chan_dbus_bytes_ready (ChanDBusLink *self, Stream *stream, guint32 events)
{
  guint64 number = stream->number;
  gboolean had_rest = stream->rest != NULL;

  if (had_rest && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
    {
      write_some (self, stream);
      if (stream->rest == NULL && stream->finish_wanted)
        {
          tell_finish (self, stream);
          if (stream->id == 0)
            {
              chan_dbus_link_free_stream (self, stream);
              return;
            }
        }
      else if (stream->rest == NULL && !stream->out_broken)
        chan_link_deliver_room (CHAN_LINK (self), stream->id);
      stream = chan_dbus_link_lookup (self, number);
    }
  if (stream == NULL)
    return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && may_read (self, stream) > 0)
    {
      read_some (self, stream, may_read (self, stream));
      stream = chan_dbus_link_lookup (self, number);
      if (stream != NULL)
        check_end (self, stream);
      stream = chan_dbus_link_lookup (self, number);
    }
  if (stream != NULL)
    chan_dbus_bytes_watch (self, stream);
}

/* How many bytes have come, those in the socket included */
static guint64
count_here (const Stream *stream)
{
  int n = 0;

  if (stream->fd < 0 || stream->in_over || stream->in_ended || ioctl (stream->fd, FIONREAD, &n) < 0)
    n = 0;
  return stream->in + (guint) n;
}

/* As much as the reader has room for; the rest when there is room. What is written meanwhile came too late. Who writes hears
 * of it now. */
void
chan_dbus_bytes_reset (ChanDBusLink *self, Stream *stream, ChanChannelError code, const char *text)
{
  guint64 number = stream->number;

  if (stream->reset_wanted)
    return;
  stream->reset_wanted = TRUE;
  stream->reset_code = code;
  stream->reset_text = g_strndup (text, CHAN_DBUS_TEXT_MAX);
  stream->reset_bytes = count_here (stream);
  if (stream->finish_seen)
    stream->reset_bytes = MIN (stream->reset_bytes, stream->finish_bytes);
  while (stream != NULL && may_read (self, stream) > 0 && read_some (self, stream, may_read (self, stream)))
    stream = chan_dbus_link_lookup (self, number);
  if (stream != NULL)
    check_end (self, stream);
  stream = chan_dbus_link_lookup (self, number);
  if (stream == NULL)
    return;
  g_clear_pointer (&stream->rest, g_bytes_unref);
  stream->finish_wanted = FALSE;
  chan_dbus_bytes_watch (self, stream);
  chan_link_deliver_stop (CHAN_LINK (self), stream->id, code, text);
}

/* What the kernel has kept, whatever the window: afterwards nobody reads. No more than that, whoever goes on writing. */
void
chan_dbus_bytes_drain (ChanDBusLink *self, Stream *stream)
{
  guint64 number = stream->number;
  guint64 end = count_here (stream);

  if (stream->finish_seen)
    end = MIN (end, stream->finish_bytes);
  if (stream->reset_wanted)
    end = MIN (end, stream->reset_bytes);
  while (stream != NULL && stream->in < end && read_some (self, stream, (gsize) (end - stream->in)))
    stream = chan_dbus_link_lookup (self, number);
  if (stream != NULL)
    check_end (self, stream);
}

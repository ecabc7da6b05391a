/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-link-private.h"

#include <sys/epoll.h>

/* What came and was not taken. What open channels hold is bounded by the credit
 * that the peer has; what channels that are over have left in their queues is not,
 * for they have none any more: if that is too much, nothing more is looked at,
 * and so nothing answered, until some is taken. */

/* What a byte stream may always hold, whatever the others do */
#define BYTES_LEAST ((gsize) 4096)

gsize
chan_dbus_unread_window (gsize max_unread, gsize session_window, gsize max_message)
{
  /* The last message that may begin can be as large as two are, in the form of D-Bus. */
  return MAX (max_unread, session_window + 3 * max_message) - 2 * max_message;
}

gsize
chan_dbus_link_count_unread (ChanDBusLink *self)
{
  return self->unread + self->kept + self->bytes_unread;
}

/* --- credit of byte streams --- */

gsize
chan_dbus_bytes_window (ChanDBusLink *self, const Stream *stream)
{
  gsize window = self->bytes_unread < self->session_window ? CHAN_DBUS_BYTES_WINDOW : BYTES_LEAST;
  gsize unread = stream->in - stream->in_taken;

  return window > unread ? window - unread : 0;
}

/* --- of channels that are over --- */

gboolean
chan_dbus_link_is_paused (ChanDBusLink *self)
{
  gboolean paused = self->kept > 0 && self->unread + self->kept > self->unread_window + 2 * self->max_message;
  struct epoll_event event = { .events = EPOLLIN };

  if (paused == self->paused || self->over)
    return paused;
  self->paused = paused;
  /* Until then the peer was not heard, for nobody listened. */
  self->heard = g_get_monotonic_time ();
  epoll_ctl (self->epoll_fd, paused ? EPOLL_CTL_DEL : EPOLL_CTL_ADD, self->route->inbox->event_fd, &event);
  chan_dbus_link_set_poll (self);
  return paused;
}

gsize
chan_dbus_link_keep (ChanLink *link, guint64 id, gsize bytes, guint n_messages)
{
  CHAN_DBUS_LINK (link)->kept += bytes;
  return 0;
}

void
chan_dbus_link_release (ChanLink *link, gsize bytes, gsize beyond, guint n_messages)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);

  self->kept -= bytes;
  if (!chan_dbus_link_is_left (self))
    chan_dbus_link_is_paused (self);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-inbox.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libchan-glib/chan-error.h>

/* What a call costs besides its body. */
#define CALL_BYTES 1024

ChanDBusInbox *
chan_dbus_inbox_new (const char *peer, gsize max_bytes, GError **error)
{
  int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  int failed = errno;
  ChanDBusInbox *self;

  if (fd < 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failed), "Cannot make an eventfd: %s", g_strerror (failed));
      return NULL;
    }
  self = g_new0 (ChanDBusInbox, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->peer = g_strdup (peer);
  self->event_fd = fd;
  self->max_bytes = max_bytes;
  g_mutex_init (&self->lock);
  g_queue_init (&self->items);
  return self;
}

ChanDBusInbox *
chan_dbus_inbox_ref (ChanDBusInbox *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
chan_dbus_item_free (ChanDBusItem *item)
{
  g_clear_object (&item->message);
  g_free (item);
}

void
chan_dbus_inbox_unref (ChanDBusInbox *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_queue_clear_full (&self->items, (GDestroyNotify) chan_dbus_item_free);
  close (self->event_fd);
  g_mutex_clear (&self->lock);
  g_free (self->peer);
  g_free (self);
}

static gsize
item_bytes (const ChanDBusItem *item)
{
  GVariant *body = NULL;

  if (item->message != NULL)
    body = g_dbus_message_get_body (item->message);
  return CALL_BYTES + (body != NULL ? g_variant_get_size (body) : 0);
}

static void
set_event (ChanDBusInbox *self)
{
  static const guint64 one = 1;

  if (write (self->event_fd, &one, sizeof one) < 0)
    g_critical ("libchan-dbus: cannot wake a session");
}

gboolean
chan_dbus_inbox_push (ChanDBusInbox *self, ChanDBusItem item)
{
  gsize bytes = item_bytes (&item);

  g_mutex_lock (&self->lock);
  if (self->closed || (self->full && item.kind == CHAN_DBUS_ITEM_CALL))
    {
      g_mutex_unlock (&self->lock);
      return FALSE;
    }
  if (self->items.length == 0)
    set_event (self);
  if (item.kind == CHAN_DBUS_ITEM_CALL && self->bytes + bytes > self->max_bytes)
    self->full = TRUE;
  self->bytes += bytes;
  g_queue_push_tail (&self->items, g_memdup2 (&item, sizeof item));
  g_mutex_unlock (&self->lock);
  return TRUE;
}

ChanDBusItem *
chan_dbus_inbox_take (ChanDBusInbox *self, gboolean *too_much)
{
  ChanDBusItem *item;
  guint64 ignored;

  g_mutex_lock (&self->lock);
  item = g_queue_pop_head (&self->items);
  if (item != NULL)
    self->bytes -= item_bytes (item);
  if (item != NULL && self->items.length == 0 && read (self->event_fd, &ignored, sizeof ignored) < 0)
    g_critical ("libchan-dbus: an event is missing");
  *too_much = self->full;
  g_mutex_unlock (&self->lock);
  return item;
}

void
chan_dbus_inbox_close (ChanDBusInbox *self, GQueue *rest)
{
  g_mutex_lock (&self->lock);
  self->closed = TRUE;
  while (self->items.length > 0)
    g_queue_push_tail_link (rest, g_queue_pop_head_link (&self->items));
  self->bytes = 0;
  g_mutex_unlock (&self->lock);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-inbox.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libchan-glib/chan-error.h>

/* What a call costs besides its body. */
#define CALL_BYTES 1024
/* How many calls beyond what may be there are answered in their turn. Who waits for answers as it should never has so many;
 * the others are answered at once. */
#define LATE_MAX 1024

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

/* Without what it brought. NULL: it wants no answer */
static GDBusMessage *
make_late (GDBusMessage *call)
{
  GDBusMessage *answer = NULL;

  if ((g_dbus_message_get_flags (call) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0)
    answer = g_dbus_message_new_method_error_literal (call, "org.libchan.Error.Limit", "There are too many calls that wait to be looked at");
  g_object_unref (call);
  return answer;
}

/* Under the lock */
static void
put (ChanDBusInbox *self, ChanDBusItem item, gsize bytes)
{
  if (self->items.length == 0)
    set_event (self);
  self->bytes += bytes;
  g_queue_push_tail (&self->items, g_memdup2 (&item, sizeof item));
}

gboolean
chan_dbus_inbox_push (ChanDBusInbox *self, ChanDBusItem item)
{
  gsize bytes = item_bytes (&item);

  gboolean is_late;
  gboolean taken;

  g_mutex_lock (&self->lock);
  is_late = self->full && item.kind == CHAN_DBUS_ITEM_CALL;
  taken = !self->closed && (!is_late || self->n_late < LATE_MAX);
  if (taken && is_late)
    {
      self->n_late++;
      item = (ChanDBusItem) { CHAN_DBUS_ITEM_LATE, 0, make_late (item.message) };
      if (item.message != NULL)
        put (self, item, item_bytes (&item));
    }
  else if (taken)
    {
      self->full = self->full || (item.kind == CHAN_DBUS_ITEM_CALL && self->bytes + bytes > self->max_bytes);
      put (self, item, bytes);
    }
  g_mutex_unlock (&self->lock);
  return taken;
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

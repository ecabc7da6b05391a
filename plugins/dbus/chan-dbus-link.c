/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-link-private.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "chan-dbus-error.h"

/* The link's turn, and its life. Its streams: chan-dbus-link-streams.c. What comes in: chan-dbus-link-input.c. */

#define EVENTS 16
#define ITEMS 64

G_DEFINE_DYNAMIC_TYPE_EXTENDED (ChanDBusLink, chan_dbus_link, CHAN_TYPE_LINK, G_TYPE_FLAG_FINAL, {})

void
chan_dbus_link_register (GTypeModule *module)
{
  chan_dbus_link_register_type (module);
}

static gboolean
dbus_link_ping (ChanLink *link)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);

  self->ping_wanted = TRUE;
  if (!chan_dbus_link_is_left (self) && !self->pinging && !self->over)
    {
      self->pinging = TRUE;
      self->ping_deadline = g_get_monotonic_time () + (gint64) self->keepalive_timeout_sec * G_USEC_PER_SEC;
      chan_dbus_link_call (self, CALL_PING, 0, "Ping", NULL, NULL);
    }
  return TRUE;
}

static void
dbus_link_shutdown (ChanLink *link, gboolean drain)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);

  /* Asked again whenever a stream is over. */
  if (drain)
    self->closing = !self->close_sent;
  else
    chan_dbus_link_over (self, chan_dbus_error_name (CHAN_CHANNEL_ERROR_CONNECTION_LOST), "The peer ended the session");
}

static void
dbus_link_describe (ChanLink *link, ChanLinkInfo *info)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);

  info->dialect = "dbus";
  info->peer_credentials = self->credentials;
  info->bytes_in = self->bytes_in;
  info->bytes_out = self->bytes_out;
  info->unread_bytes = chan_dbus_link_count_unread (self);
}

/* --- its turn --- */

static gboolean
all_answered (ChanDBusLink *self)
{
  for (GList *l = self->unanswered.head; l != NULL; l = l->next)
    if (((Call *) l->data)->kind == CALL_PUSH)
      return FALSE;
  return TRUE;
}

/* Who has taken everything may go without answering that we close. The core looks whether anything is cut. */
static void
peer_gone (ChanDBusLink *self)
{
  if (self->close_sent && all_answered (self))
    {
      chan_dbus_link_over (self, NULL, NULL);
      chan_link_hang_up (CHAN_LINK (self));
    }
  else
    g_set_error_literal (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "The peer went away");
}

static void
take_items (ChanDBusLink *self)
{
  ChanDBusItem *item;
  gboolean too_much;

  for (guint n = 0; n < ITEMS && !self->over && self->failure == NULL && !chan_dbus_link_is_paused (self); n++)
    {
      item = chan_dbus_inbox_take (self->route->inbox, &too_much);
      if (too_much)
        g_set_error_literal (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "The peer sent more than it may before it is answered");
      if (item == NULL)
        break;
      self->heard = self->now;
      /* No call may be left unanswered: it would count at the peer as long as the connection lives. */
      if (self->failure != NULL && item->kind == CHAN_DBUS_ITEM_CALL)
        chan_dbus_link_answer (self, item->message, self->failure);
      else if (self->failure != NULL || item->kind == CHAN_DBUS_ITEM_ROOM)
        ;
      else if (item->kind == CHAN_DBUS_ITEM_CALL)
        chan_dbus_link_called (self, item->message);
      else if (item->kind == CHAN_DBUS_ITEM_REPLY)
        chan_dbus_link_answered (self, item->tag, item->message);
      else
        peer_gone (self);
      chan_dbus_item_free (item);
    }
}

static void
look_around (ChanDBusLink *self)
{
  struct epoll_event events[EVENTS];
  int n = epoll_wait (self->epoll_fd, events, EVENTS, 0);

  for (int i = 0; i < n && !self->over; i++)
    {
      Stream *stream = events[i].data.u64 != 0 ? chan_dbus_link_lookup (self, events[i].data.u64) : NULL;

      if (stream != NULL)
        chan_dbus_bytes_ready (self, stream, events[i].events);
    }
}

static void
look_at_clock (ChanDBusLink *self)
{
  if (self->pinging && self->now >= self->ping_deadline)
    {
      if (self->failure == NULL)
        g_set_error_literal (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TIMED_OUT, "The peer does not answer");
    }
  else if (!self->pinging && self->keepalive_sec > 0 && self->now >= self->heard + (gint64) self->keepalive_sec * G_USEC_PER_SEC)
    {
      dbus_link_ping (CHAN_LINK (self));
      self->ping_wanted = FALSE;
    }
}

static void
say_close (ChanDBusLink *self)
{
  GHashTableIter iter;
  gpointer value;

  if (!self->closing || self->over)
    return;
  g_hash_table_iter_init (&iter, self->streams);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((Stream *) value)->finish_wanted)
      return;
  self->closing = FALSE;
  self->close_sent = TRUE;
  chan_dbus_link_call (self, CALL_CLOSE, 0, "Close", g_variant_new ("(ss)", "", ""), NULL);
}

void
chan_dbus_link_set_poll (ChanDBusLink *self)
{
  gint64 deadline = G_MAXINT64;

  if (self->paused)
    ;
  else if (self->pinging)
    deadline = self->ping_deadline;
  else if (self->keepalive_sec > 0)
    deadline = self->heard + (gint64) self->keepalive_sec * G_USEC_PER_SEC;
  if (self->grant_deadline != 0)
    deadline = MIN (deadline, self->grant_deadline);
  chan_link_set_poll (CHAN_LINK (self), self->epoll_fd, G_IO_IN, deadline);
}

/* TRUE: it is the parent's, and failed here. */
static gboolean
fails_in_child (ChanDBusLink *self, GError **error)
{
  if (!chan_dbus_link_is_left (self))
    return FALSE;
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST,
                       "This session belongs to the process that forked this one: make another here");
  return TRUE;
}

static gboolean
dbus_link_service (ChanLink *link, GIOCondition ready, GError **error)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);

  if (fails_in_child (self, error))
    return FALSE;
  if (self->over)
    return TRUE;
  self->now = g_get_monotonic_time ();
  if (!self->started)
    {
      self->started = TRUE;
      self->heard = self->now;
      chan_link_ready (link);
    }
  if ((ready & G_IO_IN) != 0)
    {
      look_around (self);
      take_items (self);
    }
  if (!self->over && self->failure == NULL && !self->paused)
    look_at_clock (self);
  if (!self->over && self->failure == NULL)
    chan_dbus_link_room (self);
  say_close (self);
  if (!self->over)
    chan_dbus_link_flush (self);
  if (self->failure != NULL && !self->over)
    {
      chan_dbus_link_over (self, chan_dbus_error_name ((ChanChannelError) self->failure->code), self->failure->message);
      g_propagate_error (error, g_steal_pointer (&self->failure));
      return FALSE;
    }
  if (!self->over)
    chan_dbus_link_set_poll (self);
  return TRUE;
}

/* --- life --- */

/* Those of which only the last bytes were left. */
static void
free_streams (ChanDBusLink *self)
{
  g_autoptr (GList) streams = g_hash_table_get_values (self->streams);

  for (GList *l = streams; l != NULL; l = l->next)
    chan_dbus_link_free_stream (self, l->data);
  g_clear_pointer (&self->streams, g_hash_table_unref);
}

static void
chan_dbus_link_finalize (GObject *object)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (object);

  chan_dbus_link_over (self, chan_dbus_error_name (CHAN_CHANNEL_ERROR_CONNECTION_LOST), "The peer ended the session");
  free_streams (self);
  if (self->epoll_fd >= 0)
    close (self->epoll_fd);
  g_clear_pointer (&self->granting, g_ptr_array_unref);
  g_clear_object (&self->credentials);
  g_clear_error (&self->failure);
  g_free (self->peer_path);
  G_OBJECT_CLASS (chan_dbus_link_parent_class)->finalize (object);
}

static void
chan_dbus_link_class_init (ChanDBusLinkClass *klass)
{
  ChanLinkClass *link_class = CHAN_LINK_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = chan_dbus_link_finalize;
  link_class->flags = CHAN_LINK_DRIVEN | CHAN_LINK_OWN_WINDOWS | CHAN_LINK_TAKEN | CHAN_LINK_FDS;
  link_class->open = chan_dbus_link_open;
  link_class->send = chan_dbus_link_send;
  link_class->write = chan_dbus_bytes_write;
  link_class->grant = chan_dbus_link_grant;
  link_class->finish = chan_dbus_link_finish;
  link_class->reset = chan_dbus_link_reset;
  link_class->stop = chan_dbus_link_stop;
  link_class->shutdown = dbus_link_shutdown;
  link_class->service = dbus_link_service;
  link_class->has_room = chan_dbus_link_has_room;
  link_class->ping = dbus_link_ping;
  link_class->forget = chan_dbus_link_forget;
  link_class->describe = dbus_link_describe;
  link_class->keep = chan_dbus_link_keep;
  link_class->release = chan_dbus_link_release;
}

static void
chan_dbus_link_class_finalize (ChanDBusLinkClass *klass)
{
}

static void
chan_dbus_link_init (ChanDBusLink *self)
{
  self->streams = g_hash_table_new (g_int64_hash, g_int64_equal);
  self->granting = g_ptr_array_new ();
  self->epoll_fd = -1;
}

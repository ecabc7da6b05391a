/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-link-private.h"

#include <errno.h>
#include <gio/gunixfdlist.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "chan-dbus-error.h"

/* The slots of the link, and its turn. What comes in: chan-dbus-link-input.c. */

#define EVENTS 16
#define ITEMS 64

G_DEFINE_DYNAMIC_TYPE_EXTENDED (ChanDBusLink, chan_dbus_link, CHAN_TYPE_LINK, G_TYPE_FLAG_FINAL, {})

void
chan_dbus_link_register (GTypeModule *module)
{
  chan_dbus_link_register_type (module);
}

/* --- streams --- */

Stream *
chan_dbus_link_lookup (ChanDBusLink *self, guint64 number)
{
  return g_hash_table_lookup (self->streams, &number);
}

static Stream *
lookup (ChanLink *link, guint64 id)
{
  return chan_link_get_stream_data (link, id);
}

Stream *
chan_dbus_link_add_stream (ChanDBusLink *self, guint64 number, guint64 id, const ChanOpenInfo *info, gboolean ours)
{
  Stream *stream = g_new0 (Stream, 1);

  stream->id = id;
  stream->number = number;
  stream->kind = (guint8) info->kind;
  stream->capacity = info->capacity;
  stream->ours = (guint8) ours;
  stream->fd = stream->far_fd = -1;
  g_hash_table_insert (self->streams, &stream->number, stream);
  chan_link_set_stream_data (CHAN_LINK (self), id, stream);
  if (!ours)
    self->n_peer_streams++;
  if (!chan_dbus_kind_is_bytes (info->kind))
    chan_dbus_objects_add (self->objects, number, info->name, (info->kind == CHAN_STREAM_RECEIVER) == ours);
  return stream;
}

static gboolean
dbus_link_open (ChanLink *link, guint64 id, const ChanOpenInfo *info, GError **error)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);
  Stream *parent = info->parent != 0 ? lookup (link, info->parent) : NULL;
  Stream fds = { .fd = -1, .far_fd = -1 };
  Stream *stream;

  if (self->over || (info->parent != 0 && parent == NULL))
    {
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "The session is closed");
      return FALSE;
    }
  if (chan_dbus_kind_is_bytes (info->kind) && !chan_dbus_bytes_new (&fds, error))
    return FALSE;
  stream = chan_dbus_link_add_stream (self, self->next_number, id, info, TRUE);
  self->next_number += 2;
  stream->fd = fds.fd;
  stream->far_fd = fds.far_fd;
  stream->parent = parent != NULL ? parent->number : 0;
  stream->named = TRUE;
  chan_dbus_link_call (self, CALL_CONTROL, 0, "Open",
                       g_variant_new ("(ttsssu)", stream->number, stream->parent, chan_dbus_kind_name (info->kind),
                                      info->name != NULL ? info->name : "", info->type != NULL ? info->type : "", info->capacity), NULL);
  chan_dbus_bytes_watch (self, stream);
  return TRUE;
}

static void
dbus_link_finish (ChanLink *link, guint64 id)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);
  Stream *stream = lookup (link, id);

  if (stream == NULL || self->over)
    return;
  if (chan_dbus_kind_is_bytes (stream->kind))
    chan_dbus_bytes_finish (self, stream);
  else
    chan_dbus_link_call (self, CALL_CONTROL, 0, "Finish", g_variant_new ("(tut)", stream->number, stream->n_out, (guint64) 0), NULL);
}

static void
say_end (ChanDBusLink *self, guint64 number, const char *method, ChanChannelError code, const char *text)
{
  if (!self->over)
    chan_dbus_link_call (self, CALL_CONTROL, 0, method,
                         g_variant_new ("(tss)", number, chan_dbus_error_name (code), text != NULL ? text : ""), NULL);
}

static void
dbus_link_reset (ChanLink *link, guint64 id, ChanChannelError code, const char *text)
{
  Stream *stream = lookup (link, id);

  if (stream == NULL)
    return;
  stream->was_reset = TRUE;
  say_end (CHAN_DBUS_LINK (link), stream->number, "Reset", code, text);
}

static void
dbus_link_stop (ChanLink *link, guint64 id, ChanChannelError code, const char *text)
{
  Stream *stream = lookup (link, id);

  if (stream != NULL)
    say_end (CHAN_DBUS_LINK (link), stream->number, "Stop", code, text);
}

void
chan_dbus_link_end_stream (ChanDBusLink *self, Stream *stream, ChanChannelError code, const char *text)
{
  stream->was_reset = TRUE;
  say_end (self, stream->number, "Reset", code, text);
  chan_link_deliver_reset (CHAN_LINK (self), stream->id, code, text);
}

void
chan_dbus_link_cancel_children (ChanDBusLink *self, guint64 number)
{
  g_autoptr (GArray) children = g_array_new (FALSE, FALSE, sizeof (guint64));
  GHashTableIter iter;
  gpointer value;

  if (self->n_unnamed == 0)
    return;
  g_hash_table_iter_init (&iter, self->streams);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((Stream *) value)->parent == number && !((Stream *) value)->named)
      g_array_append_val (children, ((Stream *) value)->number);
  for (guint i = 0; i < children->len; i++)
    {
      Stream *child = chan_dbus_link_lookup (self, g_array_index (children, guint64, i));

      if (child != NULL)
        chan_dbus_link_end_stream (self, child, CHAN_CHANNEL_ERROR_CLOSED, "The channel ended that was to bring this");
    }
}

void
chan_dbus_link_free_stream (ChanDBusLink *self, Stream *stream)
{
  g_hash_table_remove (self->streams, &stream->number);
  chan_dbus_bytes_close (self, stream);
  g_free (stream);
}

static void
dbus_link_forget (ChanLink *link, guint64 id)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);
  Stream *stream = lookup (link, id);
  guint64 number;

  if (stream == NULL)
    return;
  number = stream->number;
  chan_link_set_stream_data (link, id, NULL);
  if (stream->granting)
    g_ptr_array_remove_fast (self->granting, stream);
  if (!chan_dbus_kind_is_bytes (stream->kind))
    {
      chan_dbus_objects_remove (self->objects, number);
      self->in_flight -= stream->out - stream->out_taken;
      self->unread -= stream->in - stream->in_taken;
    }
  if (!stream->ours)
    self->n_peer_streams--;
  if (!stream->named)
    self->n_unnamed--;
  self->room_wanted = TRUE;
  /* Its last bytes are still to be written, before the end is told. */
  stream->id = 0;
  if (stream->finish_wanted && !stream->was_reset && !self->over)
    return;
  chan_dbus_link_free_stream (self, stream);
  chan_dbus_link_cancel_children (self, number);
}

static void
dbus_link_grant (ChanLink *link, guint64 id, gsize bytes, guint messages)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);
  Stream *stream = lookup (link, id);

  if (stream == NULL)
    return;
  stream->in_taken += bytes;
  if (chan_dbus_kind_is_bytes (stream->kind))
    {
      chan_dbus_bytes_watch (self, stream);
      return;
    }
  self->unread -= bytes;
  stream->n_in_taken = messages;
  if (!stream->granting)
    g_ptr_array_add (self->granting, stream);
  stream->granting = TRUE;
}

static gboolean
dbus_link_has_room (ChanLink *link, guint64 id)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);
  Stream *stream = lookup (link, id);
  gboolean room;

  if (stream == NULL || !self->started || self->over)
    return FALSE;
  if (chan_dbus_kind_is_bytes (stream->kind))
    return stream->rest == NULL && !stream->out_broken;
  /* One message of each channel always goes: else one that nobody reads would stop the others. */
  room = stream->out - stream->out_taken < self->peer_window &&
         (self->in_flight < self->peer_session_window || stream->out == stream->out_taken) &&
         self->waiting_bytes + self->unanswered_bytes < CHAN_DBUS_UNANSWERED_BYTES;
  if (!room)
    {
      stream->wants_room = TRUE;
      self->room_wanted = TRUE;
    }
  return room;
}

void
chan_dbus_link_room (ChanDBusLink *self)
{
  g_autoptr (GArray) ids = NULL;
  GHashTableIter iter;
  gpointer value;

  if (!self->room_wanted || self->waiting_bytes + self->unanswered_bytes >= CHAN_DBUS_UNANSWERED_BYTES)
    return;
  self->room_wanted = FALSE;
  ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_hash_table_iter_init (&iter, self->streams);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((Stream *) value)->wants_room)
      g_array_append_val (ids, ((Stream *) value)->id);
  for (guint i = 0; i < ids->len; i++)
    {
      Stream *stream = lookup (CHAN_LINK (self), g_array_index (ids, guint64, i));

      if (stream == NULL)
        continue;
      stream->wants_room = FALSE;
      chan_link_deliver_room (CHAN_LINK (self), stream->id);
    }
}

static gboolean
dbus_link_ping (ChanLink *link)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);

  self->ping_wanted = TRUE;
  if (!self->pinging && !self->over)
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

  if (drain)
    self->closing = TRUE;
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
}

/* --- its turn --- */

/* Who has taken everything may go without answering that we close. */
static void
peer_gone (ChanDBusLink *self)
{
  if (self->close_sent && g_hash_table_size (self->streams) == 0)
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
  GQueue items = G_QUEUE_INIT;
  ChanDBusItem *item;

  if (!chan_dbus_inbox_take (self->route->inbox, &items, ITEMS) && self->failure == NULL)
    g_set_error_literal (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "The peer sent more than it may before it is answered");
  while ((item = g_queue_pop_head (&items)) != NULL)
    {
      self->heard = self->now;
      if (self->over || self->failure != NULL)
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

static gint64
next_deadline (ChanDBusLink *self)
{
  if (self->pinging)
    return self->ping_deadline;
  return self->keepalive_sec > 0 ? self->heard + (gint64) self->keepalive_sec * G_USEC_PER_SEC : G_MAXINT64;
}

static gboolean
dbus_link_service (ChanLink *link, GIOCondition ready, GError **error)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);

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
  if (!self->over && self->failure == NULL)
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
    chan_link_set_poll (link, self->epoll_fd, G_IO_IN, next_deadline (self));
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

  if (self->route != NULL)
    {
      chan_dbus_link_over (self, chan_dbus_error_name (CHAN_CHANNEL_ERROR_CONNECTION_LOST), "The peer ended the session");
      chan_dbus_route_free (self->route);
    }
  free_streams (self);
  g_clear_pointer (&self->objects, chan_dbus_objects_free);
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
  link_class->open = dbus_link_open;
  link_class->send = chan_dbus_link_send;
  link_class->write = chan_dbus_bytes_write;
  link_class->grant = dbus_link_grant;
  link_class->finish = dbus_link_finish;
  link_class->reset = dbus_link_reset;
  link_class->stop = dbus_link_stop;
  link_class->shutdown = dbus_link_shutdown;
  link_class->service = dbus_link_service;
  link_class->has_room = dbus_link_has_room;
  link_class->ping = dbus_link_ping;
  link_class->forget = dbus_link_forget;
  link_class->describe = dbus_link_describe;
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

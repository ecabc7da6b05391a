/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-link-private.h"

#include "chan-dbus-error.h"

/* The slots of the link that are about one stream. */

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

gboolean
chan_dbus_link_open (ChanLink *link, guint64 id, const ChanOpenInfo *info, GError **error)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);
  Stream *parent = info->parent != 0 ? lookup (link, info->parent) : NULL;
  Stream fds = { .fd = -1, .far_fd = -1 };
  Stream *stream;

  if (chan_dbus_link_is_left (self) || self->over || (info->parent != 0 && parent == NULL))
    {
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "The session is closed");
      return FALSE;
    }
  if (chan_dbus_kind_is_bytes (info->kind) && !chan_dbus_bytes_new (&fds, error))
    return FALSE;
  stream = chan_dbus_link_add_stream (self, self->next_number, id, info, TRUE);
  self->next_number += 2;
  stream->fd = fds.fd;
  stream->fork_fd = fds.fork_fd;
  stream->far_fd = fds.far_fd;
  stream->parent = parent != NULL ? parent->number : 0;
  stream->named = TRUE;
  chan_dbus_link_call (self, CALL_CONTROL, 0, "Open",
                       g_variant_new ("(ttsssu)", stream->number, stream->parent, chan_dbus_kind_name (info->kind),
                                      info->name != NULL ? info->name : "", info->type != NULL ? info->type : "", info->capacity), NULL);
  chan_dbus_bytes_watch (self, stream);
  return TRUE;
}

void
chan_dbus_link_finish (ChanLink *link, guint64 id)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);
  Stream *stream = lookup (link, id);

  if (stream == NULL || chan_dbus_link_is_left (self) || self->over)
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

void
chan_dbus_link_reset (ChanLink *link, guint64 id, ChanChannelError code, const char *text)
{
  Stream *stream = lookup (link, id);

  if (stream == NULL)
    return;
  stream->was_reset = TRUE;
  say_end (CHAN_DBUS_LINK (link), stream->number, "Reset", code, text);
}

void
chan_dbus_link_stop (ChanLink *link, guint64 id, ChanChannelError code, const char *text)
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

void
chan_dbus_link_forget (ChanLink *link, guint64 id)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);
  Stream *stream = lookup (link, id);
  guint64 number;

  if (stream == NULL)
    return;
  chan_dbus_link_is_left (self);
  number = stream->number;
  chan_link_set_stream_data (link, id, NULL);
  if (stream->granting)
    g_ptr_array_remove_fast (self->granting, stream);
  if (!chan_dbus_kind_is_bytes (stream->kind))
    {
      if (self->objects != NULL)
        chan_dbus_objects_remove (self->objects, number);
      self->in_flight -= stream->out - stream->out_taken;
      self->unread -= stream->in - stream->in_taken;
    }
  else
    self->bytes_unread -= stream->in - stream->in_taken;
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

void
chan_dbus_link_grant (ChanLink *link, guint64 id, gsize bytes, guint messages)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);
  Stream *stream = lookup (link, id);

  if (stream == NULL)
    return;
  stream->in_taken += bytes;
  if (chan_dbus_kind_is_bytes (stream->kind))
    {
      self->bytes_unread -= bytes;
      chan_dbus_bytes_watch (self, stream);
      return;
    }
  self->unread -= bytes;
  stream->n_in_taken = messages;
  if (!stream->granting)
    g_ptr_array_add (self->granting, stream);
  stream->granting = TRUE;
  if (self->grant_deadline != 0)
    return;
  self->grant_deadline = g_get_monotonic_time () + CHAN_DBUS_GRANT_US;
  if (!self->over)
    chan_dbus_link_set_poll (self);
}

gboolean
chan_dbus_link_has_room (ChanLink *link, guint64 id)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);
  Stream *stream = lookup (link, id);
  gsize out;
  gboolean room;

  if (stream == NULL || !self->started || chan_dbus_link_is_left (self) || self->over)
    return FALSE;
  if (chan_dbus_kind_is_bytes (stream->kind))
    return stream->rest == NULL && !stream->out_broken;
  /* One message of each channel goes as long as anything may: else one that nobody reads would stop the others. */
  out = stream->out - stream->out_taken;
  room = (out > 0 ? out < self->peer_window && self->in_flight < self->peer_session_window : self->in_flight < self->peer_unread_window) &&
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-link-private.h"

#include <string.h>

#include "chan-dbus-error.h"

/* What the peer calls. Each call is answered before the next is looked at. A
 * call that is refused changed nothing. */

static gboolean
fail (GError **error, ChanChannelError code, const char *text)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, (int) code, text);
  return FALSE;
}

/* A stream that is over here, of which the peer need not know yet. Others never were. */
static gboolean
find_stream (ChanDBusLink *self, guint64 number, Stream **stream, GError **error)
{
  gboolean peers = (number & 1) == (self->role == CHAN_SESSION_SERVER ? 1 : 0);

  *stream = chan_dbus_link_lookup (self, number);
  if (*stream != NULL || (number > 0 && number < (peers ? self->last_peer_number + 1 : self->next_number)))
    return TRUE;
  return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, "There never was a stream of this number");
}

/* --- Open --- */

static const char *
why_not (ChanDBusLink *self, const ChanOpenInfo *info, guint64 parent_number, Stream *parent)
{
  if (parent_number != 0 && parent == NULL)
    return "The channel ended that was to bring this";
  if (self->n_peer_streams >= self->max_streams)
    return "Too many channels are open";
  if (strlen (info->name) > CHAN_DBUS_NAME_MAX)
    return "The name of the channel is too long";
  if (parent_number == 0 && info->kind != CHAN_STREAM_RECEIVER)
    return "What is opened without a parent is a channel on which the opener sends";
  return NULL;
}

static void
refuse (ChanDBusLink *self, guint64 number, ChanChannelError code, const char *text)
{
  chan_dbus_link_call (self, CALL_CONTROL, 0, "Reset",
                       g_variant_new ("(tss)", number, chan_dbus_error_name (code), text), NULL);
}

static gboolean
on_open (ChanDBusLink *self, GDBusMessage *call, GVariant *body, GError **error)
{
  ChanOpenInfo info = { 0 };
  guint64 number, parent_number, id = 0;
  const char *kind, *text;
  Stream *parent = NULL, *stream;

  g_variant_get (body, "(tt&s&s&su)", &number, &parent_number, &kind, &info.name, &info.type, &info.capacity);
  info.kind = chan_dbus_kind_of (kind);
  if ((number & 1) != (self->role == CHAN_SESSION_SERVER ? 1 : 0) || number <= self->last_peer_number || number > G_MAXINT64)
    return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, "The number of a stream is not the opener's next");
  /* Each that is refused, or that the application ends at once, is a call of ours. */
  if (self->waiting.length >= (guint64) self->max_streams * CHAN_DBUS_WAITING_PER_STREAM)
    return fail (error, CHAN_CHANNEL_ERROR_LIMIT, "Streams are opened faster than calls are answered");
  if (info.kind == 0 || info.capacity > G_MAXINT32)
    return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, "A stream is of no known kind, or its capacity is no number of messages");
  if (parent_number != 0 && !find_stream (self, parent_number, &parent, error))
    return FALSE;
  self->last_peer_number = number;
  info.parent = parent != NULL ? parent->id : 0;
  text = why_not (self, &info, parent_number, parent);
  if (text == NULL)
    id = chan_link_deliver_open (CHAN_LINK (self), &info);
  if (id == 0)
    {
      refuse (self, number, parent_number != 0 && parent == NULL ? CHAN_CHANNEL_ERROR_CLOSED : CHAN_CHANNEL_ERROR_LIMIT,
              text != NULL ? text : "The peer takes no more channels");
      return TRUE;
    }
  stream = chan_dbus_link_add_stream (self, number, id, &info, FALSE);
  stream->parent = parent_number;
  stream->named = parent_number == 0;
  if (!stream->named)
    self->n_unnamed++;
  return TRUE;
}

/* --- ends --- */

static gboolean
on_finish (ChanDBusLink *self, Stream *stream, GVariant *body, GError **error)
{
  guint64 bytes;
  guint32 messages;

  g_variant_get (body, "(tut)", NULL, &messages, &bytes);
  if (chan_dbus_kind_is_bytes (stream->kind))
    chan_dbus_bytes_finished (self, stream, bytes);
  else if (messages != stream->n_in)
    chan_dbus_link_end_stream (self, stream, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "A message was lost on the bus");
  else
    chan_link_deliver_finish (CHAN_LINK (self), stream->id);
  return TRUE;
}

static gboolean
on_reset (ChanDBusLink *self, Stream *stream, GVariant *body, GError **error)
{
  const char *name, *text;

  g_variant_get (body, "(t&s&s)", NULL, &name, &text);
  stream->was_reset = TRUE;
  if (stream->id == 0)
    chan_dbus_link_free_stream (self, stream);
  else if (chan_dbus_kind_is_bytes (stream->kind))
    chan_dbus_bytes_reset (self, stream, chan_dbus_error_code (name), text);
  else
    chan_link_deliver_reset (CHAN_LINK (self), stream->id, chan_dbus_error_code (name), text);
  return TRUE;
}

static gboolean
on_stop (ChanDBusLink *self, Stream *stream, GVariant *body, GError **error)
{
  const char *name, *text;

  if (!chan_dbus_kind_is_bytes (stream->kind))
    return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, "Only byte streams are stopped");
  g_variant_get (body, "(t&s&s)", NULL, &name, &text);
  /* What was to go out goes nowhere. */
  g_clear_pointer (&stream->rest, g_bytes_unref);
  chan_dbus_bytes_watch (self, stream);
  if (stream->finish_wanted)
    chan_dbus_bytes_finish (self, stream);
  if (stream->id == 0)
    chan_dbus_link_free_stream (self, stream);
  else
    chan_link_deliver_stop (CHAN_LINK (self), stream->id, chan_dbus_error_code (name), text);
  return TRUE;
}

/* --- credit --- */

static gboolean
on_taken (ChanDBusLink *self, Stream *stream, GVariant *body, GError **error)
{
  guint64 bytes;
  guint32 messages;

  g_variant_get (body, "(tut)", NULL, &messages, &bytes);
  if (chan_dbus_kind_is_bytes (stream->kind) || bytes > stream->out || bytes < stream->out_taken ||
      (guint32) (stream->n_out - messages) > G_MAXINT32)
    return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, "More was taken than was sent");
  self->in_flight -= (gsize) bytes - stream->out_taken;
  stream->out_taken = (gsize) bytes;
  self->room_wanted = TRUE;
  chan_link_deliver_grant (CHAN_LINK (self), stream->id, 0, messages);
  return TRUE;
}

/* --- the session --- */

/* The answer says that all that came before was dealt with: what that led to, such as a Reset, goes first. */
static gboolean
on_ping (ChanDBusLink *self, GDBusMessage *call, GVariant *body, GError **error)
{
  chan_dbus_link_flush (self);
  return TRUE;
}

static void
drain_bytes (ChanDBusLink *self)
{
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (guint64));
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->streams);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((Stream *) value)->finish_seen || ((Stream *) value)->reset_wanted)
      g_array_append_val (numbers, ((Stream *) value)->number);
  for (guint i = 0; i < numbers->len; i++)
    {
      Stream *stream = chan_dbus_link_lookup (self, g_array_index (numbers, guint64, i));

      if (stream != NULL)
        chan_dbus_bytes_drain (self, stream);
    }
}

/* --- all of them --- */

static const struct
{
  const char *method;
  const char *signature;
  gboolean (*func) (ChanDBusLink *self, GDBusMessage *call, GVariant *body, GError **error);
  gboolean (*of_stream) (ChanDBusLink *self, Stream *stream, GVariant *body, GError **error); /* its number comes first */
} methods[] = {
  { "Push", "(tuvav)", chan_dbus_link_pushed, NULL },
  { "Taken", "(tut)", NULL, on_taken },
  { "Open", "(ttsssu)", on_open, NULL },
  { "Finish", "(tut)", NULL, on_finish },
  { "Reset", "(tss)", NULL, on_reset },
  { "Stop", "(tss)", NULL, on_stop },
  { "Ping", "()", on_ping, NULL },
};

/* What is said of a stream that is over here does nothing. */
static gboolean
handle_of_stream (ChanDBusLink *self, guint method, GVariant *body, GError **error)
{
  guint64 number;
  Stream *stream;

  g_variant_get_child (body, 0, "t", &number);
  if (!find_stream (self, number, &stream, error))
    return FALSE;
  return stream == NULL || methods[method].of_stream (self, stream, body, error);
}

static gboolean
handle (ChanDBusLink *self, GDBusMessage *call, GError **error)
{
  const char *member = g_dbus_message_get_member (call);
  GVariant *body = g_dbus_message_get_body (call);

  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      if (!g_str_equal (methods[i].method, member))
        continue;
      if (body != NULL ? !g_variant_is_of_type (body, G_VARIANT_TYPE (methods[i].signature)) : !g_str_equal (methods[i].signature, "()"))
        return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, "The arguments are not those of this method");
      return methods[i].func != NULL ? methods[i].func (self, call, body, error) : handle_of_stream (self, i, body, error);
    }
  return fail (error, CHAN_CHANNEL_ERROR_UNSUPPORTED, "There is no such method");
}

void
chan_dbus_link_answer (ChanDBusLink *self, GDBusMessage *call, const GError *error)
{
  if (self->over || (g_dbus_message_get_flags (call) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) != 0)
    return;
  if (error != NULL)
    chan_dbus_route_send (self->route, g_dbus_message_new_method_error_literal (call, chan_dbus_error_name ((ChanChannelError) error->code), error->message));
  else
    chan_dbus_route_send (self->route, g_dbus_message_new_method_reply (call));
}

/* The last call of a session: with an error the peer has given up. */
static void
on_close (ChanDBusLink *self, GDBusMessage *call)
{
  GVariant *body = g_dbus_message_get_body (call);
  const char *name = "", *text = "";

  if (body != NULL && g_variant_is_of_type (body, G_VARIANT_TYPE ("(ss)")))
    g_variant_get (body, "(&s&s)", &name, &text);
  if (*name == '\0')
    drain_bytes (self);
  chan_dbus_link_answer (self, call, NULL);
  if (*name == '\0')
    {
      /* If both close at once, the client goes first. */
      if (!self->close_sent || self->role == CHAN_SESSION_SERVER)
        chan_dbus_bus_linger (self->route->bus);
      chan_dbus_link_over (self, NULL, NULL);
      chan_link_hang_up (CHAN_LINK (self));
    }
  else
    {
      chan_dbus_link_over (self, NULL, NULL);
      g_set_error_literal (&self->failure, CHAN_CHANNEL_ERROR, (int) chan_dbus_error_code (name), *text != '\0' ? text : "The peer ended the session");
      chan_link_fail (CHAN_LINK (self), self->failure);
    }
}

void
chan_dbus_link_called (ChanDBusLink *self, GDBusMessage *call)
{
  g_autoptr (GError) error = NULL;

  if (g_strcmp0 (g_dbus_message_get_member (call), "Close") == 0)
    {
      on_close (self, call);
      return;
    }
  handle (self, call, &error);
  chan_dbus_link_answer (self, call, error);
}

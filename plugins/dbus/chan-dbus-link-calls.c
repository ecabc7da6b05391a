/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gunixfdlist.h>

#include "chan-dbus-error.h"
#include "chan-dbus-link-private.h"

/* Calls of ours: they wait until what was sent before is answered, are sent in
 * order, and are answered in order. */

static void
call_free (Call *call)
{
  g_clear_object (&call->message);
  g_free (call);
}

static GDBusMessage *
new_message (ChanDBusLink *self, const char *method, GVariant *parameters, GUnixFDList *fds)
{
  GDBusMessage *message = g_dbus_message_new_method_call (self->route->inbox->peer, self->peer_path, CHAN_DBUS_PEER, method);

  g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_AUTO_START);
  if (parameters != NULL)
    g_dbus_message_set_body (message, parameters);
  if (fds != NULL)
    g_dbus_message_set_unix_fd_list (message, fds);
  return message;
}

static Call *
new_call (ChanDBusLink *self, CallKind kind, guint64 number, const char *method, GVariant *parameters, GUnixFDList *fds)
{
  Call *call = g_new0 (Call, 1);

  call->kind = kind;
  call->number = number;
  call->bytes = CHAN_DBUS_CALL_BYTES + (parameters != NULL ? g_variant_get_size (parameters) : 0);
  call->message = new_message (self, method, parameters, fds);
  return call;
}

/* Close was the last call. */
static gboolean
is_closed (ChanDBusLink *self)
{
  return self->close_sent && self->waiting.length == 0;
}

void
chan_dbus_link_call (ChanDBusLink *self, CallKind kind, guint64 number, const char *method, GVariant *parameters, GUnixFDList *fds)
{
  Call *call;

  /* Nor would the peer look at what comes behind Close. */
  if (chan_dbus_link_is_left (self) || self->over || (self->close_sent && kind != CALL_CLOSE))
    {
      if (parameters != NULL)
        g_variant_unref (g_variant_ref_sink (parameters));
      return;
    }
  call = new_call (self, kind, number, method, parameters, fds);
  g_queue_push_tail (&self->waiting, call);
  self->waiting_bytes += call->bytes;
}

/* The peer may be waiting for it. */
static gboolean
is_urgent (ChanDBusLink *self, const Stream *stream)
{
  return stream->n_in_taken - stream->n_told >= MAX (stream->capacity / 2, 1) || stream->in_taken - stream->in_told >= self->window / 2;
}

/* Asked only if there is something to say: who may not is woken when it may. */
static gboolean
may_send (ChanDBusLink *self)
{
  return self->unanswered_bytes < CHAN_DBUS_UNANSWERED_BYTES && self->failure == NULL &&
         self->unanswered.length < CHAN_DBUS_UNANSWERED_CALLS && chan_dbus_route_may_call (self->route);
}

/* Takes the call. */
static void
send_call (ChanDBusLink *self, Call *call)
{
  g_autoptr (GError) error = NULL;

  call->tag = ++self->last_tag;
  self->unanswered_bytes += call->bytes;
  g_queue_push_tail (&self->unanswered, call);
  if (!chan_dbus_route_call (self->route, g_steal_pointer (&call->message), call->tag, &error))
    g_set_error (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "The connection is lost: %s", error->message);
}

/* What the peer need not know at once has waited long enough. */
static void
look_at_grants (ChanDBusLink *self)
{
  if (self->grant_deadline == 0 || g_get_monotonic_time () < self->grant_deadline)
    return;
  self->grant_deadline = 0;
  for (guint i = 0; i < self->granting->len; i++)
    ((Stream *) self->granting->pdata[i])->grant_due = TRUE;
}

/* Before all else: what was taken must not be told after what came of it. A job that is answered would else be one that
 * is not taken, if this process died between the two. The number of a stream is said when it is sent: if that has to
 * wait, it is the newest, and there is one. */
static void
say_taken (ChanDBusLink *self)
{
  look_at_grants (self);
  if (is_closed (self))
    return;
  for (guint i = self->granting->len; i-- > 0;)
    {
      Stream *stream = self->granting->pdata[i];

      if (!stream->grant_due && !is_urgent (self, stream))
        continue;
      if (!may_send (self))
        return;
      stream->granting = stream->grant_due = FALSE;
      stream->n_told = stream->n_in_taken;
      stream->in_told = stream->in_taken;
      g_ptr_array_remove_index_fast (self->granting, i);
      send_call (self, new_call (self, CALL_CONTROL, 0, "Taken",
                                 g_variant_new ("(tut)", stream->number, stream->n_in_taken, (guint64) stream->in_taken), NULL));
    }
  if (self->granting->len == 0)
    self->grant_deadline = 0;
}

void
chan_dbus_link_flush (ChanDBusLink *self)
{
  say_taken (self);
  while (self->waiting.length > 0 && may_send (self))
    {
      Call *call = g_queue_pop_head (&self->waiting);

      self->waiting_bytes -= call->bytes;
      send_call (self, call);
    }
}

void
chan_dbus_link_over (ChanDBusLink *self, const char *error_name, const char *text)
{
  g_autoptr (GDBusMessage) message = NULL;

  if (chan_dbus_link_is_left (self) || self->over || self->route == NULL)
    return;
  if (error_name != NULL)
    chan_dbus_link_flush (self);
  self->over = TRUE;
  if (error_name != NULL && !is_closed (self))
    {
      message = new_message (self, "Close", g_variant_new ("(ss)", error_name, text), NULL);
      g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_AUTO_START | G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
      chan_dbus_route_send (self->route, g_steal_pointer (&message));
    }
  /* Messages that the connection will not write any more go with it, and file descriptors in them. */
  g_clear_pointer (&self->objects, chan_dbus_objects_free);
  g_clear_pointer (&self->route, chan_dbus_route_free);
  g_queue_clear_full (&self->waiting, (GDestroyNotify) call_free);
  g_queue_clear_full (&self->unanswered, (GDestroyNotify) call_free);
  self->waiting_bytes = self->unanswered_bytes = 0;
}

gboolean
chan_dbus_link_is_left (ChanDBusLink *self)
{
  if (self->generation == chan_dbus_fork_generation ())
    return FALSE;
  self->over = TRUE;
  self->objects = NULL;
  self->route = NULL;
  g_queue_clear_full (&self->waiting, (GDestroyNotify) call_free);
  g_queue_clear_full (&self->unanswered, (GDestroyNotify) call_free);
  self->waiting_bytes = self->unanswered_bytes = 0;
  return TRUE;
}

/* --- answers --- */

/* An error reply, as code and text */
static ChanChannelError
read_error (GDBusMessage *reply, const char **text)
{
  GVariant *body = g_dbus_message_get_body (reply);

  *text = NULL;
  if (body != NULL && g_variant_n_children (body) > 0)
    {
      g_autoptr (GVariant) first = g_variant_get_child_value (body, 0);

      if (g_variant_is_of_type (first, G_VARIANT_TYPE_STRING))
        g_variant_get_child (body, 0, "&s", text);
    }
  if (*text == NULL || **text == '\0')
    *text = "The bus or the peer refused a message";
  return chan_dbus_error_code (g_dbus_message_get_error_name (reply));
}

/* Messages that wait behind one that is missing: the peer would take none. */
static void
drop_waiting (ChanDBusLink *self, guint64 number)
{
  GList *next;

  for (GList *l = self->waiting.head; l != NULL; l = next)
    {
      Call *call = l->data;

      next = l->next;
      if (call->kind != CALL_PUSH || call->number != number)
        continue;
      self->waiting_bytes -= call->bytes;
      g_queue_delete_link (&self->waiting, l);
      call_free (call);
    }
}

static void
refused (ChanDBusLink *self, Call *call, GDBusMessage *reply, gboolean by_bus)
{
  Stream *stream = call->kind == CALL_PUSH ? chan_dbus_link_lookup (self, call->number) : NULL;
  const char *text;
  ChanChannelError code = read_error (reply, &text);

  if (by_bus && code == CHAN_CHANNEL_ERROR_LIMIT)
    text = "The bus has no room for more messages to the peer";
  /* The peer does not know what the bus refused. */
  if (by_bus && call->kind == CALL_CLOSE)
    self->close_sent = FALSE;
  /* It may have ended in the meantime. */
  if (call->kind == CALL_PUSH)
    {
      drop_waiting (self, call->number);
      if (stream != NULL && by_bus)
        chan_dbus_link_end_stream (self, stream, code, text);
      else if (stream != NULL)
        chan_link_deliver_reset (CHAN_LINK (self), stream->id, code, text);
    }
  else if (self->failure == NULL)
    g_set_error (&self->failure, CHAN_CHANNEL_ERROR, (int) (code == CHAN_CHANNEL_ERROR_UNSUPPORTED ? CHAN_CHANNEL_ERROR_CONNECTION_LOST : code),
                 "The session is lost: %s", text);
}

static void
pong (ChanDBusLink *self)
{
  self->pinging = FALSE;
  if (self->ping_wanted)
    chan_link_deliver_pong (CHAN_LINK (self));
  self->ping_wanted = FALSE;
}

/* What the bus refuses it answers itself, before the peer answers what is older. */
static Call *
take_call (ChanDBusLink *self, guint64 tag, gboolean by_bus)
{
  Call *head = g_queue_peek_head (&self->unanswered);

  if (head != NULL && head->tag == tag)
    return g_queue_pop_head (&self->unanswered);
  for (GList *l = self->unanswered.head; by_bus && l != NULL; l = l->next)
    if (((Call *) l->data)->tag == tag)
      {
        Call *call = l->data;

        g_queue_delete_link (&self->unanswered, l);
        return call;
      }
  return NULL;
}

void
chan_dbus_link_answered (ChanDBusLink *self, guint64 tag, GDBusMessage *reply)
{
  gboolean is_error = g_dbus_message_get_message_type (reply) == G_DBUS_MESSAGE_TYPE_ERROR;
  gboolean by_bus = is_error && g_strcmp0 (g_dbus_message_get_sender (reply), "org.freedesktop.DBus") == 0;
  Call *call = take_call (self, tag, by_bus);

  if (call == NULL)
    {
      g_set_error_literal (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "An answer of the peer was lost on the bus");
      return;
    }
  self->unanswered_bytes -= call->bytes;
  self->room_wanted = TRUE;
  if (is_error)
    refused (self, call, reply, by_bus);
  else if (call->kind == CALL_PING)
    pong (self);
  else if (call->kind == CALL_CLOSE)
    {
      chan_dbus_link_over (self, NULL, NULL);
      chan_link_hang_up (CHAN_LINK (self));
    }
  call_free (call);
}

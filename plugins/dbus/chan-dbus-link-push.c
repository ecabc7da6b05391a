/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-link-private.h"

#include <gio/gunixfdlist.h>
#include <string.h>
#include <unistd.h>

/* Messages. Their handles go beside the body, in the order of their indices: a
 * channel as (so), what the receiver gets and its object there; a byte stream
 * as (soh), with its socket; a file descriptor as h. */

static const struct
{
  ChanStreamKind kind;
  const char *name;
} kinds[] = {
  { CHAN_STREAM_SENDER, "sender" },
  { CHAN_STREAM_RECEIVER, "receiver" },
  { CHAN_STREAM_BYTES, "byte-stream" },
  { CHAN_STREAM_BYTES_OUT, "output" },
  { CHAN_STREAM_BYTES_IN, "input" },
};

const char *
chan_dbus_kind_name (ChanStreamKind kind)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (kinds[i].kind == kind)
      return kinds[i].name;
  return "";
}

ChanStreamKind
chan_dbus_kind_of (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_equal (kinds[i].name, name))
      return kinds[i].kind;
  return 0;
}

static gboolean
fail (GError **error, ChanChannelError code, const char *text)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, (int) code, text);
  return FALSE;
}

/* --- out --- */

/* -1 with error: it cannot be duplicated */
static int
append_fd (GUnixFDList **fds, int fd, GError **error)
{
  if (*fds == NULL)
    *fds = g_unix_fd_list_new ();
  return g_unix_fd_list_append (*fds, fd, error);
}

static gboolean
add_handle (ChanDBusLink *self, const ChanHandleRef *ref, GVariantBuilder *handles, GUnixFDList **fds, GError **error)
{
  Stream *stream = ref->kind != CHAN_STREAM_FD ? chan_link_get_stream_data (CHAN_LINK (self), ref->stream) : NULL;
  g_autofree char *path = stream != NULL ? g_strdup_printf ("%s/channel/%" G_GUINT64_FORMAT, self->peer_path, stream->number) : NULL;
  int index = 0;

  if (stream == NULL || chan_dbus_kind_is_bytes (ref->kind))
    index = append_fd (fds, stream != NULL ? stream->far_fd : ref->fd, error);
  if (index < 0)
    return FALSE;
  if (stream == NULL)
    g_variant_builder_add (handles, "v", g_variant_new_handle (index));
  else if (chan_dbus_kind_is_bytes (ref->kind))
    g_variant_builder_add (handles, "v", g_variant_new ("(soh)", chan_dbus_kind_name (ref->kind), path, index));
  else
    g_variant_builder_add (handles, "v", g_variant_new ("(so)", chan_dbus_kind_name (ref->kind), path));
  return TRUE;
}

/* The sockets and descriptors have duplicates in the list now. */
static void
close_ours (ChanDBusLink *self, const ChanHandleRef *refs, gsize n_refs)
{
  for (gsize i = 0; i < n_refs; i++)
    {
      Stream *stream = refs[i].kind != CHAN_STREAM_FD ? chan_link_get_stream_data (CHAN_LINK (self), refs[i].stream) : NULL;

      if (stream == NULL)
        close (refs[i].fd);
      else if (stream->far_fd >= 0)
        {
          close (stream->far_fd);
          stream->far_fd = -1;
        }
    }
}

/* Byte streams take one each: their sockets. */
static gboolean
can_pass_fds (ChanDBusLink *self, const ChanHandleRef *refs, gsize n_refs, GError **error)
{
  GDBusCapabilityFlags can = g_dbus_connection_get_capabilities (chan_dbus_bus_get_connection (self->route->bus));
  guint at_bus = MAX (self->max_fds, CHAN_DBUS_BUS_FDS);
  guint n_fds = 0, n_all = 0;

  for (gsize i = 0; i < n_refs; i++)
    {
      n_fds += refs[i].kind == CHAN_STREAM_FD;
      n_all += refs[i].kind == CHAN_STREAM_FD || chan_dbus_kind_is_bytes (refs[i].kind);
    }
  if (n_all > 0 && (can & G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING) == 0)
    return fail (error, CHAN_CHANNEL_ERROR_UNSUPPORTED, "This D-Bus connection passes no file descriptors, and so no byte streams");
  if (n_fds > self->max_fds)
    g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX,
                 "A message carries at most %u file descriptors, not %u", self->max_fds, n_fds);
  else if (self->route->inbox->peer != NULL && n_all > at_bus)
    g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX,
                 "Over a bus a message carries at most %u byte streams and file descriptors, not %u", at_bus, n_all);
  else
    return TRUE;
  return FALSE;
}

static GVariant *
encode (ChanDBusLink *self, Stream *stream, ChanMessage *message, const ChanHandleRef *refs, gsize n_refs, GUnixFDList **fds,
        gsize *cost, GError **error)
{
  g_autoptr (GVariant) value = NULL;
  GVariantBuilder handles;

  if (n_refs > 0 && !can_pass_fds (self, refs, n_refs, error))
    return NULL;
  value = chan_dbus_value_encode (chan_message_get_body (message));
  *cost = CHAN_DBUS_MESSAGE_BYTES + g_variant_get_size (value);
  if (*cost > 2 * self->peer_max_message || chan_message_get_size (message) > self->peer_max_message)
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_LARGE,
                   "This peer takes messages of at most %" G_GSIZE_FORMAT " bytes", self->peer_max_message);
      return NULL;
    }
  g_variant_builder_init (&handles, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; i < n_refs; i++)
    if (!add_handle (self, &refs[i], &handles, fds, error))
      {
        g_variant_builder_clear (&handles);
        return NULL;
      }
  return g_variant_new ("(tu@vav)", stream->number, stream->n_out + 1, value, &handles);
}

gboolean
chan_dbus_link_send (ChanLink *link, guint64 id, ChanMessage *message, const ChanHandleRef *refs, gsize n_refs,
                     gsize *cost, GError **error)
{
  ChanDBusLink *self = CHAN_DBUS_LINK (link);
  Stream *stream = chan_link_get_stream_data (link, id);
  g_autoptr (GUnixFDList) fds = NULL;
  GVariant *parameters;

  if (stream == NULL || chan_dbus_link_is_left (self) || self->over)
    return fail (error, CHAN_CHANNEL_ERROR_CLOSED, "The session is closed");
  parameters = encode (self, stream, message, refs, n_refs, &fds, cost, error);
  if (parameters == NULL)
    return FALSE;
  close_ours (self, refs, n_refs);
  stream->n_out++;
  stream->out += *cost;
  self->in_flight += *cost;
  self->bytes_out += *cost;
  chan_dbus_link_call (self, CALL_PUSH, stream->number, "Push", parameters, fds);
  return TRUE;
}

/* --- in --- */

/* A handle as it came */
typedef struct
{
  Stream *stream; /* NULL: a file descriptor */
  ChanStreamKind kind;
  gint32 fd;      /* index; -1: none */
} Came;

static Stream *
stream_of_path (ChanDBusLink *self, const char *path)
{
  gsize len = strlen (self->route->path);
  guint64 number;

  if (strncmp (path, self->route->path, len) != 0 || !g_str_has_prefix (path + len, "/channel/") ||
      !g_ascii_string_to_unsigned (path + len + strlen ("/channel/"), 10, 1, G_MAXINT64, &number, NULL))
    return NULL;
  return chan_dbus_link_lookup (self, number);
}

static gboolean
read_handle (ChanDBusLink *self, Stream *carrier, GVariant *handle, Came *came)
{
  const char *kind, *path;

  *came = (Came){ NULL, 0, -1 };
  if (g_variant_is_of_type (handle, G_VARIANT_TYPE_HANDLE))
    {
      came->fd = g_variant_get_handle (handle);
      came->kind = CHAN_STREAM_FD;
      return TRUE;
    }
  if (g_variant_is_of_type (handle, G_VARIANT_TYPE ("(so)")))
    g_variant_get (handle, "(&s&o)", &kind, &path);
  else if (g_variant_is_of_type (handle, G_VARIANT_TYPE ("(soh)")))
    g_variant_get (handle, "(&s&oh)", &kind, &path, &came->fd);
  else
    return FALSE;
  came->stream = stream_of_path (self, path);
  came->kind = chan_dbus_kind_of (kind);
  return came->stream != NULL && came->stream->kind == came->kind && came->stream->parent == carrier->number &&
         !came->stream->named && chan_dbus_kind_is_bytes (came->kind) == (came->fd >= 0);
}

static gboolean
fds_are_there (GUnixFDList *fds, const Came *came, gsize n, guint max, GError **error)
{
  int n_fds = fds != NULL ? g_unix_fd_list_get_length (fds) : 0;
  guint n_raw = 0;

  for (gsize i = 0; i < n; i++)
    {
      if (came[i].kind == CHAN_STREAM_FD ? came[i].fd < 0 || came[i].fd >= n_fds : came[i].fd >= n_fds)
        return fail (error, CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE, "A message names a file descriptor that did not come with it");
      n_raw += came[i].kind == CHAN_STREAM_FD;
      for (gsize k = 0; k < i; k++)
        if (came[i].fd >= 0 && came[k].fd == came[i].fd)
          return fail (error, CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE, "A message names a file descriptor twice");
    }
  return n_raw <= max || fail (error, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message carries too many file descriptors");
}

static gboolean
read_handles (ChanDBusLink *self, Stream *carrier, GDBusMessage *call, GVariant *handles, Came *came, GError **error)
{
  gsize n = g_variant_n_children (handles);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) boxed = g_variant_get_child_value (handles, i);
      g_autoptr (GVariant) handle = g_variant_get_variant (boxed);

      if (!read_handle (self, carrier, handle, &came[i]))
        return fail (error, CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE, "A message names a channel that was not opened for it");
      for (gsize k = 0; k < i; k++)
        if (came[i].stream != NULL && came[k].stream == came[i].stream)
          return fail (error, CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE, "A message names a channel twice");
    }
  return fds_are_there (g_dbus_message_get_unix_fd_list (call), came, n, self->max_fds, error);
}

static GObject *
import_stream (ChanDBusLink *self, const Came *came, int *fds)
{
  ChanOpenInfo info = { .kind = came->kind };

  info.capacity = came->stream->capacity;
  came->stream->named = TRUE;
  self->n_unnamed--;
  if (came->fd >= 0)
    {
      chan_dbus_bytes_take (self, came->stream, fds[came->fd]);
      fds[came->fd] = -1;
    }
  return chan_link_import_end (CHAN_LINK (self), came->stream->id, &info);
}

/* FALSE: there are too many. */
static gboolean
import_fds (ChanDBusLink *self, const Came *came, gsize n, int *fds, GObject **ends)
{
  for (gsize i = 0; i < n; i++)
    {
      ends[i] = NULL;
      if (came[i].kind != CHAN_STREAM_FD)
        continue;
      ends[i] = chan_link_import_fd (CHAN_LINK (self), fds[came[i].fd], self->max_session_fds);
      if (ends[i] != NULL)
        {
          fds[came[i].fd] = -1;
          continue;
        }
      while (i-- > 0)
        g_clear_object (&ends[i]);
      return FALSE;
    }
  return TRUE;
}

static gboolean
import_all (ChanDBusLink *self, GDBusMessage *call, const Came *came, gsize n, GObject **ends, GError **error)
{
  GUnixFDList *list = g_dbus_message_get_unix_fd_list (call);
  int n_fds = 0;
  g_autofree int *fds = list != NULL ? g_unix_fd_list_steal_fds (list, &n_fds) : NULL;
  gboolean few = import_fds (self, came, n, fds, ends);

  for (gsize i = 0; few && i < n; i++)
    if (came[i].stream != NULL)
      ends[i] = import_stream (self, &came[i], fds);
  /* Descriptors that nobody named are closed. */
  for (int i = 0; i < n_fds; i++)
    if (fds[i] >= 0)
      close (fds[i]);
  if (!few)
    g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT,
                 "More than %u file descriptors of this session wait to be taken", self->max_session_fds);
  return few;
}

static gboolean
deliver (ChanDBusLink *self, Stream *stream, GDBusMessage *call, GVariant *value, GVariant *handles, GError **error)
{
  gsize n = g_variant_n_children (handles);
  ChanDBusValueLimits limits = { self->limits.max_nodes, self->limits.max_depth, (guint) n };
  g_autoptr (GVariant) body = NULL;
  g_autofree Came *came = g_new (Came, n + 1);
  g_autofree GObject **ends = g_new (GObject *, n + 1);
  gsize cost = CHAN_DBUS_MESSAGE_BYTES + g_variant_get_size (value);

  if (n > self->max_handles)
    return fail (error, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message carries too many handles");
  if (cost > 2 * self->max_message + CHAN_DBUS_MESSAGE_BYTES)
    return fail (error, CHAN_CHANNEL_ERROR_TOO_LARGE, "A message is larger than is taken here");
  body = chan_dbus_value_decode (value, &limits, error);
  if (body != NULL && g_variant_get_size (body) > self->max_message)
    return fail (error, CHAN_CHANNEL_ERROR_TOO_LARGE, "A message is larger than is taken here");
  if (body == NULL || !read_handles (self, stream, call, handles, came, error) || !import_all (self, call, came, n, ends, error))
    return FALSE;
  stream->n_in++;
  stream->in += cost;
  self->unread += cost;
  self->bytes_in += cost;
  chan_link_deliver_message (CHAN_LINK (self), stream->id, chan_link_make_message (CHAN_LINK (self), body, ends, n), cost);
  return TRUE;
}

/* TRUE: the peer may not send it yet. */
static gboolean
is_beyond_credit (ChanDBusLink *self, const Stream *stream)
{
  gsize in = stream->in - stream->in_taken;

  return in > 0 ? in >= self->window || self->unread >= self->session_window : self->unread >= self->unread_window;
}

gboolean
chan_dbus_link_pushed (ChanDBusLink *self, GDBusMessage *call, GVariant *body, GError **error)
{
  g_autoptr (GVariant) value = g_variant_get_child_value (body, 2);
  g_autoptr (GVariant) handles = g_variant_get_child_value (body, 3);
  g_autoptr (GError) failure = NULL;
  guint64 number;
  guint32 count;
  Stream *stream;

  g_variant_get_child (body, 0, "t", &number);
  g_variant_get_child (body, 1, "u", &count);
  stream = chan_dbus_link_lookup (self, number);
  if (stream == NULL || chan_dbus_kind_is_bytes (stream->kind) || !stream->named)
    return fail (error, CHAN_CHANNEL_ERROR_CLOSED, "There is no such channel, or no more");
  if (count != stream->n_in + 1)
    failure = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "A message was lost on the bus");
  else if (is_beyond_credit (self, stream))
    failure = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "The peer sent more than it may before it is taken");
  else
    deliver (self, stream, call, value, handles, &failure);
  if (failure == NULL)
    return TRUE;
  chan_dbus_link_end_stream (self, stream, (ChanChannelError) failure->code, failure->message);
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

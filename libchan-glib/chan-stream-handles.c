/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-stream-handles.h"

#include "chan-fd-private.h"
#include "chan-handle.h"
#include "chan-link-private.h"
#include "chan-pump.h"

static ChanStream *
open_stream (ChanStream *parent, GObject *handle, ChanLater *later, GError **error)
{
  ChanSessionCore *session = parent->session;
  ChanOpenInfo info = { .kind = chan_handle_kind (handle), .parent = parent->id };
  ChanStream *stream;

  if (info.kind == CHAN_STREAM_SENDER || info.kind == CHAN_STREAM_RECEIVER)
    {
      guint capacity;

      g_object_get (handle, "capacity", &capacity, NULL);
      info.capacity = capacity;
    }
  stream = chan_stream_new (session, TRUE, info.kind);
  session->reactor->later = later;
  if (CHAN_LINK_GET_CLASS (session->link)->open (session->link, stream->id, &info, error))
    return stream;
  chan_session_core_remove (session, stream, later);
  return NULL;
}

/* --- file descriptors where they cannot go as such --------------------------- */

/* A stream on duplicates goes in its place: the descriptor itself must still be
 * the caller's if the message is not sent after all. */
static gboolean
make_stream (ChanStreamHandles *self, guint i, ChanFd *fd, GError **error)
{
  self->foreign[i] = chan_fd_new_stream (fd, error);
  if (self->foreign[i] == NULL)
    return FALSE;
  self->carried[i] = chan_pump_pack (self->foreign[i], error);
  return self->carried[i] != NULL;
}

/* It may end with streams, threads and locks of others. */
static void
unmake_stream (gpointer data)
{
  g_autoptr (GObject) foreign = data;

  chan_pump_unpack (foreign);
}

static void
start_stream (gpointer data)
{
  g_autoptr (GObject) foreign = data;

  chan_pump_commit (foreign);
}

/* --- all of them -------------------------------------------------------------- */

static gboolean
open_one (ChanStreamHandles *self, guint i, GObject *handle, ChanLater *later, GError **error)
{
  self->foreign[i] = self->carried[i] = NULL;
  self->streams[i] = NULL;
  if (CHAN_IS_FD (handle))
    {
      if ((chan_link_private (self->parent->session->link)->flags & CHAN_LINK_FDS) != 0)
        {
          self->refs[i] = (ChanHandleRef){ CHAN_STREAM_FD, 0, chan_fd_peek (CHAN_FD (handle)) };
          return TRUE;
        }
      if (!make_stream (self, i, CHAN_FD (handle), error))
        return FALSE;
      handle = self->carried[i];
    }
  self->streams[i] = open_stream (self->parent, handle, later, error);
  if (self->streams[i] != NULL)
    self->refs[i] = (ChanHandleRef){ self->streams[i]->kind, self->streams[i]->id, -1 };
  return self->streams[i] != NULL;
}

static void
take_back_one (ChanStreamHandles *self, guint i, const GError *reason, ChanLater *later)
{
  if (self->streams[i] != NULL)
    chan_stream_reset (self->streams[i], reason, later);
  if (self->carried[i] != NULL)
    {
      chan_later_add (later, unmake_stream, self->foreign[i]);
      chan_later_add (later, g_object_unref, self->carried[i]);
    }
  else if (self->foreign[i] != NULL)
    chan_later_add (later, g_object_unref, self->foreign[i]);
}

void
chan_stream_handles_take_back (ChanStreamHandles *self, ChanLater *later)
{
  g_autoptr (GError) reason = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET, "The message was not sent");

  for (guint i = 0; i < self->n; i++)
    take_back_one (self, i, reason, later);
}

gboolean
chan_stream_handles_open (ChanStreamHandles *self, ChanStream *parent, ChanMessage *message, ChanLater *later, GError **error)
{
  guint n = chan_message_get_n_handles (message);

  g_assert (n <= CHAN_STREAM_HANDLES_MAX);
  self->n = 0;
  self->parent = parent;
  while (self->n < n)
    {
      guint i = self->n++;

      if (open_one (self, i, chan_message_get_handle (message, i), later, error))
        continue;
      chan_stream_handles_take_back (self, later);
      return FALSE;
    }
  return TRUE;
}

static void
export_one (ChanStreamHandles *self, guint i, GObject *handle, ChanReactor *reactor, ChanLater *later)
{
  if (self->streams[i] == NULL)
    {
      chan_fd_take (CHAN_FD (handle));
      return;
    }
  if (self->carried[i] == NULL)
    {
      chan_handle_export (handle, self->streams[i], reactor, later);
      return;
    }
  chan_fd_close_later (chan_fd_take (CHAN_FD (handle)), later);
  chan_handle_export (self->carried[i], self->streams[i], reactor, later);
  chan_later_add (later, start_stream, self->foreign[i]);
  chan_later_add (later, g_object_unref, self->carried[i]);
}

void
chan_stream_handles_export (ChanStreamHandles *self, ChanMessage *message, ChanReactor *reactor, ChanLater *later)
{
  for (guint i = 0; i < self->n; i++)
    {
      GObject *handle = chan_message_steal_handle (message, i);

      export_one (self, i, handle, reactor, later);
      chan_later_add (later, g_object_unref, handle);
    }
}

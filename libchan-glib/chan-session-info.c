/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-session-private.h"

#include "chan-config-private.h"
#include "chan-link-private.h"
#include "chan-stream-io.h"
#include "chan-stream-link.h"

/* What a session tells of itself, and sessions over a stream of one's own. */

static void
describe (ChanSession *self, ChanLinkInfo *info, ChanSessionState *state)
{
  ChanSessionCore *core = chan_session_get_core (self);
  ChanLater later;

  memset (info, 0, sizeof *info);
  chan_later_init (&later);
  chan_reactor_lock (core->reactor);
  *state = core->state;
  if (CHAN_LINK_GET_CLASS (core->link)->describe != NULL)
    CHAN_LINK_GET_CLASS (core->link)->describe (core->link, info);
  info->peer_certificate = info->peer_certificate != NULL ? g_bytes_ref (info->peer_certificate) : NULL;
  info->peer_credentials = info->peer_credentials != NULL ? g_object_ref (info->peer_credentials) : NULL;
  info->local_address = info->local_address != NULL ? g_object_ref (info->local_address) : NULL;
  info->remote_address = info->remote_address != NULL ? g_object_ref (info->remote_address) : NULL;
  chan_reactor_unlock (core->reactor, &later);
}

static void
info_clear (ChanLinkInfo *info)
{
  g_clear_pointer (&info->peer_certificate, g_bytes_unref);
  g_clear_object (&info->peer_credentials);
  g_clear_object (&info->local_address);
  g_clear_object (&info->remote_address);
}

/**
 * chan_session_get_state:
 * @self: a session
 *
 * Gets how far the session's life is.
 *
 * Returns: the state
 *
 * Since: 0.1
 */
ChanSessionState
chan_session_get_state (ChanSession *self)
{
  ChanSessionState state;
  ChanLinkInfo info;

  g_return_val_if_fail (CHAN_IS_SESSION (self), CHAN_SESSION_FAILED);

  describe (self, &info, &state);
  info_clear (&info);
  return state;
}

/**
 * chan_session_get_rendezvous:
 * @self: a session
 *
 * Tells whether the peer reports what its application took, so that capacity 0
 * means that a send waits for its receiver. A Go peer does not. An accepted
 * session knows only after the first message, or an answered
 * [method@Chan.Session.ping].
 *
 * Returns: %TRUE if it does
 *
 * Since: 0.1
 */
gboolean
chan_session_get_rendezvous (ChanSession *self)
{
  g_return_val_if_fail (CHAN_IS_SESSION (self), FALSE);

  return (chan_link_private (chan_session_get_core (self)->link)->flags & CHAN_LINK_TAKEN) != 0;
}

/**
 * chan_session_get_dialect:
 * @self: a session
 *
 * Gets what is spoken with the peer: `glib`, `2` (Go libchan), `1` (jschan and
 * the first Go libchan).
 *
 * Returns: (nullable): the dialect; %NULL if there is none, or it is not known yet
 *
 * Since: 0.1
 */
const char *
chan_session_get_dialect (ChanSession *self)
{
  ChanSessionState state;
  ChanLinkInfo info;

  g_return_val_if_fail (CHAN_IS_SESSION (self), NULL);

  describe (self, &info, &state);
  info_clear (&info);
  return info.dialect;
}

/**
 * chan_session_get_peer_credentials:
 * @self: a session
 *
 * Gets who the peer was when it connected, over a Unix socket.
 *
 * Returns: (transfer full) (nullable): the credentials, or %NULL
 *
 * Since: 0.1
 */
GCredentials *
chan_session_get_peer_credentials (ChanSession *self)
{
  GCredentials *credentials;
  ChanSessionState state;
  ChanLinkInfo info;

  g_return_val_if_fail (CHAN_IS_SESSION (self), NULL);

  describe (self, &info, &state);
  credentials = g_steal_pointer (&info.peer_credentials);
  info_clear (&info);
  return credentials;
}

/**
 * chan_session_get_peer_certificate:
 * @self: a session
 *
 * Gets the certificate that the peer showed, over TLS.
 *
 * Returns: (transfer full) (nullable): the certificate as DER, or %NULL
 *
 * Since: 0.1
 */
GBytes *
chan_session_get_peer_certificate (ChanSession *self)
{
  GBytes *certificate;
  ChanSessionState state;
  ChanLinkInfo info;

  g_return_val_if_fail (CHAN_IS_SESSION (self), NULL);

  describe (self, &info, &state);
  certificate = g_steal_pointer (&info.peer_certificate);
  info_clear (&info);
  return certificate;
}

/**
 * chan_session_get_local_address:
 * @self: a session
 *
 * Gets the address of this end.
 *
 * Returns: (transfer full) (nullable): the address, or %NULL
 *
 * Since: 0.1
 */
GSocketAddress *
chan_session_get_local_address (ChanSession *self)
{
  GSocketAddress *address;
  ChanSessionState state;
  ChanLinkInfo info;

  g_return_val_if_fail (CHAN_IS_SESSION (self), NULL);

  describe (self, &info, &state);
  address = g_steal_pointer (&info.local_address);
  info_clear (&info);
  return address;
}

/**
 * chan_session_get_remote_address:
 * @self: a session
 *
 * Gets the address of the peer.
 *
 * Returns: (transfer full) (nullable): the address, or %NULL
 *
 * Since: 0.1
 */
GSocketAddress *
chan_session_get_remote_address (ChanSession *self)
{
  GSocketAddress *address;
  ChanSessionState state;
  ChanLinkInfo info;

  g_return_val_if_fail (CHAN_IS_SESSION (self), NULL);

  describe (self, &info, &state);
  address = g_steal_pointer (&info.remote_address);
  info_clear (&info);
  return address;
}

/**
 * chan_session_dup_statistics:
 * @self: a session
 *
 * Counts what went through the session: `channels` (now open), `messages-in`,
 * `messages-out`, `bytes-in`, `bytes-out` (on the wire), `unread-bytes` (here, and not taken by the
 * application yet; over `memory:` always 0).
 *
 * Returns: (transfer full): a dictionary `a{st}`
 *
 * Since: 0.1
 */
GVariant *
chan_session_dup_statistics (ChanSession *self)
{
  ChanSessionCore *core;
  ChanSessionState state;
  ChanLinkInfo info;
  guint64 channels, messages_in, messages_out;
  GVariantBuilder builder;
  ChanLater later;

  g_return_val_if_fail (CHAN_IS_SESSION (self), NULL);

  core = chan_session_get_core (self);
  describe (self, &info, &state);
  info_clear (&info);
  chan_later_init (&later);
  chan_reactor_lock (core->reactor);
  channels = core->n_streams;
  messages_in = core->n_messages_in;
  messages_out = core->n_messages_out;
  chan_reactor_unlock (core->reactor, &later);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{st}"));
  g_variant_builder_add (&builder, "{st}", "channels", channels);
  g_variant_builder_add (&builder, "{st}", "messages-in", messages_in);
  g_variant_builder_add (&builder, "{st}", "messages-out", messages_out);
  g_variant_builder_add (&builder, "{st}", "bytes-in", info.bytes_in);
  g_variant_builder_add (&builder, "{st}", "bytes-out", info.bytes_out);
  g_variant_builder_add (&builder, "{st}", "unread-bytes", info.unread_bytes);
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/**
 * chan_session_new_for_stream:
 * @stream: a connected stream with a file descriptor: a [class@Gio.SocketConnection], or Unix streams
 * @role: which end this is; the peer must be the other
 * @error: return location for an error
 *
 * Makes a session over a connection of your own. The session takes @stream
 * over: it must not be used any more.
 *
 * Returns: (transfer full): the session, open or about to be
 *
 * Since: 0.1
 */
ChanSession *
chan_session_new_for_stream (GIOStream *stream, ChanSessionRole role, GError **error)
{
  g_autoptr (ChanOptions) options = NULL;
  g_autoptr (ChanLink) link = NULL;
  ChanSessionCore *core;
  ChanByteIO *io;
  ChanSession *self;

  g_return_val_if_fail (G_IS_IO_STREAM (stream), NULL);

  options = chan_options_new ();
  io = chan_stream_io_new (stream, error);
  if (io == NULL)
    return NULL;
  link = chan_stream_link_new (io, role, options, error);
  if (link == NULL)
    return NULL;
  core = chan_session_core_new (link, role, options);
  self = chan_session_new_for_core (core, NULL);
  chan_session_adopt (self);
  chan_session_core_start (core);
  return self;
}

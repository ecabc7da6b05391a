/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-stream-link-private.h"

#include "chan-fork.h"
#include "chan-link-private.h"
#include "chan-options-private.h"

/* From options to limits and timers. */

static ChanSpdyDialect
read_dialect (ChanOptions *options)
{
  const char *text = chan_options_get_string (options, "dialect");

  if (g_strcmp0 (text, "glib") == 0)
    return CHAN_SPDY_DIALECT_GLIB;
  if (g_strcmp0 (text, "2") == 0)
    return CHAN_SPDY_DIALECT_GEN2;
  if (g_strcmp0 (text, "1") == 0)
    return CHAN_SPDY_DIALECT_GEN1;
  return CHAN_SPDY_DIALECT_UNKNOWN;
}

/**
 * chan_stream_link_new: (skip)
 * @io: (transfer full): the connection; taken also when this fails
 * @role: which side of the session this is
 * @options: the options of the session; read now
 * @error: return location for an error
 *
 * A link over a connection. It is to be given to
 * [method@Chan.Operation.return_link] or [method@Chan.Listener.deliver_link].
 * C only.
 *
 * Returns: (transfer full): the link
 *
 * Since: 0.1
 */
ChanLink *
chan_stream_link_new (ChanByteIO *io, ChanSessionRole role, ChanOptions *options, GError **error)
{
  ChanStreamLink *self = g_object_new (CHAN_TYPE_STREAM_LINK, NULL);

  self->io = io;
  self->role = role;
  self->wanted = read_dialect (options);
  chan_options_get_limits (options, &self->limits);
  self->settle_ms = (guint) chan_options_get_int (options, "settle-ms");
  self->handshake_sec = (guint) chan_options_get_int (options, "handshake-timeout-sec");
  self->keepalive_sec = (guint) chan_options_get_int (options, "keepalive-sec");
  self->keepalive_timeout_sec = (guint) chan_options_get_int (options, "keepalive-timeout-sec");
  self->dangling_sec = (guint) chan_options_get_int (options, "dangling-timeout-sec");
  self->stall_sec = (guint) chan_options_get_int (options, "write-stall-sec");
  self->idle_sec = role == CHAN_SESSION_SERVER ? (guint) chan_options_get_int (options, "idle-timeout-sec") : 0;
  if (g_strcmp0 (chan_options_get_string (options, "stall-policy"), "reset") == 0)
    self->stall_reset_sec = (guint) chan_options_get_int (options, "stall-reset-sec");
  self->conn = chan_spdy_conn_new (role == CHAN_SESSION_CLIENT ? CHAN_SPDY_CLIENT : CHAN_SPDY_SERVER, &self->limits);
  self->handshake_deadline = g_get_monotonic_time () + (gint64) self->handshake_sec * G_USEC_PER_SEC;
  self->generation = chan_fork_generation ();
  chan_link_private (CHAN_LINK (self))->extra_fds = io->extra_fds;
  chan_link_set_poll (CHAN_LINK (self), io->fd, io->want != 0 ? io->want : G_IO_IN, self->handshake_deadline);
  return CHAN_LINK (self);
}

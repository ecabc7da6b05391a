/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include <libchan-glib/chan-macros.h>

G_BEGIN_DECLS

#define CHAN_CHANNEL_ERROR (chan_channel_error_quark ())

/**
 * ChanChannelError:
 * @CHAN_CHANNEL_ERROR_FAILED: an unexpected failure; the message says what
 * @CHAN_CHANNEL_ERROR_CLOSED: the other end closed the channel, or this end did
 * @CHAN_CHANNEL_ERROR_RESET: the other end went away without closing
 * @CHAN_CHANNEL_ERROR_CONNECTION_LOST: the session's connection broke
 * @CHAN_CHANNEL_ERROR_TIMED_OUT: the peer was silent for too long
 * @CHAN_CHANNEL_ERROR_PROTOCOL: the peer broke the protocol
 * @CHAN_CHANNEL_ERROR_TOO_LARGE: a message, or the name of a channel, is larger than a limit
 * @CHAN_CHANNEL_ERROR_TOO_COMPLEX: a message has too many values, levels or handles
 * @CHAN_CHANNEL_ERROR_LIMIT: a limit on channels or sessions is reached
 * @CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE: a message names a channel that does not exist
 * @CHAN_CHANNEL_ERROR_MOVED: this end was sent away inside a message
 * @CHAN_CHANNEL_ERROR_NO_MEMORY: not enough memory for what the peer sent
 * @CHAN_CHANNEL_ERROR_PERMISSION: the peer is not allowed, or does not allow us
 * @CHAN_CHANNEL_ERROR_NO_TRANSPORT: no transport for this URI scheme
 * @CHAN_CHANNEL_ERROR_BAD_CONFIG: a configuration file, an option or a URI is wrong
 * @CHAN_CHANNEL_ERROR_UNSUPPORTED: the transport or the peer cannot do this
 * @CHAN_CHANNEL_ERROR_WOULD_DEADLOCK: a blocking call that could never end
 * @CHAN_CHANNEL_ERROR_BAD_IDENTITY: the peer proved to be another than was called: its certificate is for another name
 *
 * What went wrong with a channel or a session.
 *
 * A cancelled operation fails with %G_IO_ERROR_CANCELLED, an operation that
 * would have to wait with %G_IO_ERROR_WOULD_BLOCK, and one whose deadline
 * passed with %G_IO_ERROR_TIMED_OUT.
 *
 * Since: 0.1
 */
typedef enum
{
  CHAN_CHANNEL_ERROR_FAILED,
  CHAN_CHANNEL_ERROR_CLOSED,
  CHAN_CHANNEL_ERROR_RESET,
  CHAN_CHANNEL_ERROR_CONNECTION_LOST,
  CHAN_CHANNEL_ERROR_TIMED_OUT,
  CHAN_CHANNEL_ERROR_PROTOCOL,
  CHAN_CHANNEL_ERROR_TOO_LARGE,
  CHAN_CHANNEL_ERROR_TOO_COMPLEX,
  CHAN_CHANNEL_ERROR_LIMIT,
  CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE,
  CHAN_CHANNEL_ERROR_MOVED,
  CHAN_CHANNEL_ERROR_NO_MEMORY,
  CHAN_CHANNEL_ERROR_PERMISSION,
  CHAN_CHANNEL_ERROR_NO_TRANSPORT,
  CHAN_CHANNEL_ERROR_BAD_CONFIG,
  CHAN_CHANNEL_ERROR_UNSUPPORTED,
  CHAN_CHANNEL_ERROR_WOULD_DEADLOCK,
  CHAN_CHANNEL_ERROR_BAD_IDENTITY,
} ChanChannelError;

CHAN_API
GQuark chan_channel_error_quark (void);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include <libchan-glib/chan-macros.h>

G_BEGIN_DECLS

typedef struct _ChanMessage ChanMessage;
typedef struct _ChanSender ChanSender;
typedef struct _ChanReceiver ChanReceiver;
typedef struct _ChanByteStream ChanByteStream;
typedef struct _ChanFd ChanFd;
typedef struct _ChanSession ChanSession;
typedef struct _ChanListener ChanListener;
typedef struct _ChanConfig ChanConfig;
typedef struct _ChanSelector ChanSelector;

typedef struct _ChanTransport ChanTransport;
typedef struct _ChanLink ChanLink;
typedef struct _ChanOperation ChanOperation;

/**
 * ChanTake:
 * @CHAN_TAKE_ERROR: the channel ended with an error, which was returned
 * @CHAN_TAKE_MESSAGE: a message was taken
 * @CHAN_TAKE_EMPTY: there is no message now, but one may come
 * @CHAN_TAKE_CLOSED: the sender closed the channel and everything was taken
 *
 * What [method@Chan.Receiver.try_receive] found.
 *
 * Since: 0.1
 */
typedef enum
{
  CHAN_TAKE_ERROR,
  CHAN_TAKE_MESSAGE,
  CHAN_TAKE_EMPTY,
  CHAN_TAKE_CLOSED,
} ChanTake;

/**
 * ChanSessionRole:
 * @CHAN_SESSION_CLIENT: the end that connected
 * @CHAN_SESSION_SERVER: the end that accepted
 *
 * Which end of a session this is.
 *
 * Since: 0.1
 */
typedef enum
{
  CHAN_SESSION_CLIENT,
  CHAN_SESSION_SERVER,
} ChanSessionRole;

/**
 * ChanSessionState:
 * @CHAN_SESSION_CONNECTING: the handshake is under way
 * @CHAN_SESSION_OPEN: channels can be opened
 * @CHAN_SESSION_DRAINING: closing; what runs may finish, nothing new starts
 * @CHAN_SESSION_CLOSED: over, cleanly
 * @CHAN_SESSION_FAILED: over, with an error
 *
 * The life of a session; it never goes back.
 *
 * Since: 0.1
 */
typedef enum
{
  CHAN_SESSION_CONNECTING,
  CHAN_SESSION_OPEN,
  CHAN_SESSION_DRAINING,
  CHAN_SESSION_CLOSED,
  CHAN_SESSION_FAILED,
} ChanSessionState;

/**
 * ChanStreamKind:
 * @CHAN_STREAM_BYTES: a byte stream, both ways
 * @CHAN_STREAM_BYTES_OUT: a byte stream that the end which did not open it writes
 * @CHAN_STREAM_BYTES_IN: a byte stream that the end which did not open it reads
 * @CHAN_STREAM_SENDER: a channel on which the end that did not open it sends
 * @CHAN_STREAM_RECEIVER: a channel on which the end that did not open it receives
 * @CHAN_STREAM_FD: no stream, but a file descriptor in a message
 *
 * What a stream of a link carries, seen from the peer of the one who opened it.
 *
 * Since: 0.1
 */
typedef enum
{
  CHAN_STREAM_BYTES = 1,
  CHAN_STREAM_BYTES_OUT = 2,
  CHAN_STREAM_BYTES_IN = 3,
  CHAN_STREAM_SENDER = 4,
  CHAN_STREAM_RECEIVER = 5,
  CHAN_STREAM_FD = 6,
} ChanStreamKind;

G_END_DECLS

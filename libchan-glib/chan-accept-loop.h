/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-options.h>

G_BEGIN_DECLS

/**
 * ChanAcceptLoop:
 *
 * For transports that listen at a socket: accepts connections in a thread of
 * the library, within the limits of the options (`max-sessions`,
 * `max-sessions-per-peer`), and goes on when file descriptors or memory run out.
 *
 * C only: bindings do not have it.
 *
 * Since: 0.1
 */
typedef struct _ChanAcceptLoop ChanAcceptLoop;

/**
 * ChanAcceptPeer:
 *
 * Whose connection it is, for the limits of a [struct@Chan.AcceptLoop]. C only.
 *
 * Since: 0.1
 */
typedef struct _ChanAcceptPeer ChanAcceptPeer;

/**
 * ChanAcceptFunc: (skip)
 * @loop: the loop
 * @fd: the connection, non-blocking and close-on-exec; the callee's
 * @peer: to be given to one of [method@Chan.AcceptLoop.session_ended] and
 *   [method@Chan.AcceptLoop.session_lives]
 * @data: what the loop was made with
 *
 * Takes a connection. Called in a thread of the library, without locks; it must
 * not block. C only.
 *
 * Since: 0.1
 */
typedef void (*ChanAcceptFunc) (ChanAcceptLoop *loop, int fd, ChanAcceptPeer *peer, gpointer data);

CHAN_API ChanAcceptLoop *chan_accept_loop_new   (int fd, ChanOptions *options, ChanAcceptFunc incoming,
                                                 gpointer data, GDestroyNotify data_free);
CHAN_API ChanAcceptLoop *chan_accept_loop_ref   (ChanAcceptLoop *self);
CHAN_API void            chan_accept_loop_unref (ChanAcceptLoop *self);
CHAN_API void            chan_accept_loop_stop  (ChanAcceptLoop *self);

CHAN_API void            chan_accept_loop_session_ended (ChanAcceptLoop *self, ChanAcceptPeer *peer);
CHAN_API void            chan_accept_loop_session_lives (ChanAcceptLoop *self, ChanAcceptPeer *peer, GObject *link);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanAcceptLoop, chan_accept_loop_unref)

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-options.h>

G_BEGIN_DECLS

/* For transports that listen at a socket: accepts connections in a thread of
 * the library, within the limits of the options (max-sessions,
 * max-sessions-per-peer), and goes on when file descriptors or memory run out.
 * C only (not introspected). */

typedef struct _ChanAcceptLoop ChanAcceptLoop;
/* Whose connection it is, for the limits. */
typedef struct _ChanAcceptPeer ChanAcceptPeer;

/* Called in a thread of the library, without locks; must not block. The fd
 * (non-blocking, close-on-exec) is the callee's. peer: to be given to one of
 * chan_accept_loop_session_ended() and chan_accept_loop_session_lives(). */
typedef void (*ChanAcceptFunc) (ChanAcceptLoop *loop, int fd, ChanAcceptPeer *peer, gpointer data);

/* fd: listens, and becomes the loop's. data_free: when no call will come any more. */
CHAN_API ChanAcceptLoop *chan_accept_loop_new   (int fd, ChanOptions *options, ChanAcceptFunc incoming,
                                                 gpointer data, GDestroyNotify data_free);
CHAN_API ChanAcceptLoop *chan_accept_loop_ref   (ChanAcceptLoop *self);
CHAN_API void            chan_accept_loop_unref (ChanAcceptLoop *self);
/* Any thread, any number of times, but not under a lock that `incoming` takes.
 * No call comes after it returned; one that is running in another thread is
 * waited for. Must be called before the last unref. */
CHAN_API void            chan_accept_loop_stop  (ChanAcceptLoop *self);

CHAN_API void            chan_accept_loop_session_ended (ChanAcceptLoop *self, ChanAcceptPeer *peer);
/* The session counts until its link is disposed of. */
CHAN_API void            chan_accept_loop_session_lives (ChanAcceptLoop *self, ChanAcceptPeer *peer, GObject *link);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanAcceptLoop, chan_accept_loop_unref)

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>

G_BEGIN_DECLS

#define CHAN_TYPE_SESSION (chan_session_get_type ())

CHAN_API
G_DECLARE_FINAL_TYPE (ChanSession, chan_session, CHAN, SESSION, GObject)

CHAN_API ChanSession  *chan_connect                 (const char *uri, GCancellable *cancellable, GError **error);
CHAN_API ChanSession  *chan_connect_until           (const char *uri, gint64 deadline, GCancellable *cancellable, GError **error);
CHAN_API void          chan_connect_async           (const char *uri, int io_priority, GCancellable *cancellable,
                                                     GAsyncReadyCallback callback, gpointer user_data);
CHAN_API ChanSession  *chan_connect_finish          (GAsyncResult *result, GError **error);
CHAN_API ChanSession  *chan_session_new_for_stream  (GIOStream *stream, ChanSessionRole role, GError **error);

CHAN_API ChanSender   *chan_session_open_channel    (ChanSession *self, const char *name, GError **error);
CHAN_API ChanReceiver *chan_session_accept_channel  (ChanSession *self, GCancellable *cancellable, GError **error);
CHAN_API ChanReceiver *chan_session_accept_channel_until (ChanSession *self, gint64 deadline, GCancellable *cancellable, GError **error);
CHAN_API void          chan_session_accept_channel_async (ChanSession *self, int io_priority, GCancellable *cancellable,
                                                     GAsyncReadyCallback callback, gpointer user_data);
CHAN_API ChanReceiver *chan_session_accept_channel_finish (ChanSession *self, GAsyncResult *result, GError **error);

CHAN_API gboolean      chan_session_close           (ChanSession *self, GCancellable *cancellable, GError **error);
CHAN_API gboolean      chan_session_close_until     (ChanSession *self, gint64 deadline, GCancellable *cancellable, GError **error);
CHAN_API void          chan_session_close_async     (ChanSession *self, int io_priority, GCancellable *cancellable,
                                                     GAsyncReadyCallback callback, gpointer user_data);
CHAN_API gboolean      chan_session_close_finish    (ChanSession *self, GAsyncResult *result, GError **error);
CHAN_API void          chan_session_abort           (ChanSession *self);

CHAN_API gboolean      chan_session_ping            (ChanSession *self, gint64 *round_trip_us, GCancellable *cancellable, GError **error);
CHAN_API gboolean      chan_session_ping_until      (ChanSession *self, gint64 deadline, gint64 *round_trip_us,
                                                     GCancellable *cancellable, GError **error);
CHAN_API void          chan_session_ping_async      (ChanSession *self, int io_priority, GCancellable *cancellable,
                                                     GAsyncReadyCallback callback, gpointer user_data);
CHAN_API gboolean      chan_session_ping_finish     (ChanSession *self, GAsyncResult *result, gint64 *round_trip_us, GError **error);

CHAN_API const char      *chan_session_get_uri         (ChanSession *self);
CHAN_API ChanSessionState chan_session_get_state       (ChanSession *self);
CHAN_API gboolean         chan_session_get_rendezvous  (ChanSession *self);
CHAN_API const char      *chan_session_get_dialect     (ChanSession *self);
CHAN_API GCredentials    *chan_session_get_peer_credentials (ChanSession *self);
CHAN_API GBytes          *chan_session_get_peer_certificate (ChanSession *self);
CHAN_API GSocketAddress  *chan_session_get_local_address  (ChanSession *self);
CHAN_API GSocketAddress  *chan_session_get_remote_address (ChanSession *self);
CHAN_API GVariant        *chan_session_dup_statistics  (ChanSession *self);

G_END_DECLS

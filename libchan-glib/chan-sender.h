/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>

G_BEGIN_DECLS

#define CHAN_TYPE_SENDER (chan_sender_get_type ())

CHAN_API
G_DECLARE_FINAL_TYPE (ChanSender, chan_sender, CHAN, SENDER, GObject)

CHAN_API gboolean chan_sender_send         (ChanSender *self, ChanMessage *message, GCancellable *cancellable, GError **error);
CHAN_API gboolean chan_sender_send_until   (ChanSender *self, ChanMessage *message, gint64 deadline,
                                            GCancellable *cancellable, GError **error);
CHAN_API void     chan_sender_send_async   (ChanSender *self, ChanMessage *message, int io_priority, GCancellable *cancellable,
                                            GAsyncReadyCallback callback, gpointer user_data);
CHAN_API gboolean chan_sender_send_finish  (ChanSender *self, GAsyncResult *result, GError **error);
CHAN_API ChanMessage *chan_sender_request        (ChanSender *self, ChanMessage *message, const char *reply_key,
                                                  GCancellable *cancellable, GError **error);
CHAN_API ChanMessage *chan_sender_request_until  (ChanSender *self, ChanMessage *message, const char *reply_key,
                                                  gint64 deadline, GCancellable *cancellable, GError **error);
CHAN_API void         chan_sender_request_async  (ChanSender *self, ChanMessage *message, const char *reply_key, int io_priority,
                                                  GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CHAN_API ChanMessage *chan_sender_request_finish (ChanSender *self, GAsyncResult *result, GError **error);
CHAN_API ChanReceiver *chan_sender_try_request  (ChanSender *self, ChanMessage *message, const char *reply_key, GError **error);
CHAN_API gboolean chan_sender_try_send     (ChanSender *self, ChanMessage *message, GError **error);
CHAN_API GSource *chan_sender_create_source (ChanSender *self, GCancellable *cancellable);

CHAN_API void     chan_sender_close        (ChanSender *self);
CHAN_API void     chan_sender_abort        (ChanSender *self, const GError *reason);
CHAN_API void     chan_sender_reset        (ChanSender *self);

CHAN_API const char *chan_sender_get_name        (ChanSender *self);
CHAN_API guint       chan_sender_get_capacity    (ChanSender *self);
CHAN_API gboolean    chan_sender_get_closed      (ChanSender *self);
CHAN_API gboolean    chan_sender_get_peer_closed (ChanSender *self);

G_END_DECLS

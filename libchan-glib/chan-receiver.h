/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>

G_BEGIN_DECLS

#define CHAN_TYPE_RECEIVER (chan_receiver_get_type ())

CHAN_API
G_DECLARE_FINAL_TYPE (ChanReceiver, chan_receiver, CHAN, RECEIVER, GObject)

/**
 * ChanMessageFunc:
 * @receiver: the receiver
 * @message: (nullable): the message; %NULL: the channel has ended
 * @error: (nullable): why the channel ended; %NULL with no message: the sender closed it
 * @user_data: data given with the handler
 *
 * Called for each message, and once more at the end of the channel. @message
 * belongs to the caller: take a reference to keep it, and what is needed of its
 * handles ([method@Chan.Message.steal_handle]).
 *
 * Since: 0.1
 */
typedef void (*ChanMessageFunc) (ChanReceiver *receiver, ChanMessage *message, const GError *error, gpointer user_data);

CHAN_API ChanMessage *chan_receiver_receive        (ChanReceiver *self, GCancellable *cancellable, GError **error);
CHAN_API ChanMessage *chan_receiver_receive_until  (ChanReceiver *self, gint64 deadline, GCancellable *cancellable, GError **error);
CHAN_API void         chan_receiver_receive_async  (ChanReceiver *self, int io_priority, GCancellable *cancellable,
                                                    GAsyncReadyCallback callback, gpointer user_data);
CHAN_API ChanMessage *chan_receiver_receive_finish (ChanReceiver *self, GAsyncResult *result, GError **error);
CHAN_API gboolean     chan_receiver_wait_until     (ChanReceiver *self, gint64 deadline, GCancellable *cancellable);
CHAN_API ChanTake     chan_receiver_try_receive    (ChanReceiver *self, ChanMessage **message, GError **error);
CHAN_API GSource     *chan_receiver_create_source  (ChanReceiver *self, GCancellable *cancellable);
CHAN_API void         chan_receiver_set_handler    (ChanReceiver *self, ChanMessageFunc handler, gpointer user_data,
                                                    GDestroyNotify destroy);
CHAN_API gboolean     chan_receiver_splice         (ChanReceiver *self, ChanSender *sender, GCancellable *cancellable, GError **error);
CHAN_API gboolean     chan_receiver_splice_until   (ChanReceiver *self, ChanSender *sender, gint64 deadline, GCancellable *cancellable,
                                                    GError **error);
CHAN_API void         chan_receiver_splice_async   (ChanReceiver *self, ChanSender *sender, int io_priority, GCancellable *cancellable,
                                                    GAsyncReadyCallback callback, gpointer user_data);
CHAN_API gboolean     chan_receiver_splice_finish  (ChanReceiver *self, GAsyncResult *result, GError **error);
CHAN_API void         chan_receiver_close          (ChanReceiver *self);

CHAN_API const char  *chan_receiver_get_name       (ChanReceiver *self);
CHAN_API guint        chan_receiver_get_capacity   (ChanReceiver *self);
CHAN_API gboolean     chan_receiver_get_closed     (ChanReceiver *self);

G_END_DECLS

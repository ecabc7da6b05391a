/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>

G_BEGIN_DECLS

#define CHAN_TYPE_SELECTOR (chan_selector_get_type ())

CHAN_API GType         chan_selector_get_type      (void) G_GNUC_CONST;

CHAN_API ChanSelector *chan_selector_new           (void);
CHAN_API ChanSelector *chan_selector_ref           (ChanSelector *self);
CHAN_API void          chan_selector_unref         (ChanSelector *self);

CHAN_API guint         chan_selector_add_receiver  (ChanSelector *self, ChanReceiver *receiver);
CHAN_API guint         chan_selector_add_sender    (ChanSelector *self, ChanSender *sender, ChanMessage *message);
CHAN_API void          chan_selector_set_message   (ChanSelector *self, guint index_, ChanMessage *message);
CHAN_API void          chan_selector_remove        (ChanSelector *self, guint index_);

CHAN_API int           chan_selector_wait          (ChanSelector *self, GCancellable *cancellable, GError **error);
CHAN_API int           chan_selector_wait_until    (ChanSelector *self, gint64 deadline, GCancellable *cancellable, GError **error);
CHAN_API void          chan_selector_wait_async    (ChanSelector *self, int io_priority, GCancellable *cancellable,
                                                    GAsyncReadyCallback callback, gpointer user_data);
CHAN_API int           chan_selector_wait_finish   (ChanSelector *self, GAsyncResult *result, GError **error);

CHAN_API ChanMessage  *chan_selector_steal_message (ChanSelector *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanSelector, chan_selector_unref)

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>

G_BEGIN_DECLS

#define CHAN_TYPE_LISTENER (chan_listener_get_type ())

CHAN_API
G_DECLARE_FINAL_TYPE (ChanListener, chan_listener, CHAN, LISTENER, GObject)

CHAN_API ChanListener *chan_listen                 (const char *uri, GCancellable *cancellable, GError **error);
CHAN_API ChanListener *chan_listen_until           (const char *uri, gint64 deadline, GCancellable *cancellable, GError **error);
CHAN_API void          chan_listen_async           (const char *uri, int io_priority, GCancellable *cancellable,
                                                    GAsyncReadyCallback callback, gpointer user_data);
CHAN_API ChanListener *chan_listen_finish          (GAsyncResult *result, GError **error);

CHAN_API ChanSession  *chan_listener_accept        (ChanListener *self, GCancellable *cancellable, GError **error);
CHAN_API ChanSession  *chan_listener_accept_until  (ChanListener *self, gint64 deadline, GCancellable *cancellable, GError **error);
CHAN_API void          chan_listener_accept_async  (ChanListener *self, int io_priority, GCancellable *cancellable,
                                                    GAsyncReadyCallback callback, gpointer user_data);
CHAN_API ChanSession  *chan_listener_accept_finish (ChanListener *self, GAsyncResult *result, GError **error);

CHAN_API void          chan_listener_close         (ChanListener *self);
CHAN_API const char   *chan_listener_get_uri       (ChanListener *self);

G_END_DECLS

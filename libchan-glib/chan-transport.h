/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>
#include <libchan-glib/chan-listener.h>
#include <libchan-glib/chan-operation.h>

G_BEGIN_DECLS

/**
 * CHAN_TRANSPORT_EXTENSION_POINT_NAME:
 *
 * The name of the GIO extension point of transports.
 *
 * Since: 0.1
 */
#define CHAN_TRANSPORT_EXTENSION_POINT_NAME "chan-transport"
#define CHAN_TYPE_TRANSPORT (chan_transport_get_type ())

CHAN_API
G_DECLARE_INTERFACE (ChanTransport, chan_transport, CHAN, TRANSPORT, GObject)

/**
 * ChanTransportInterface:
 * @g_iface: the parent interface
 * @open_link: connects to the URI of the operation. Returns %TRUE if the
 *   operation will be ended with one of its `return` methods, now or later,
 *   from any thread; %FALSE with @error set if it failed at once. Must not
 *   block. Called in the thread-default context of the one who connects, which
 *   is iterated until the operation ends.
 * @listen: starts to listen at the URI of the operation, ended with
 *   [method@Chan.Operation.return_done]. Each incoming link is given to
 *   @listener with [method@Chan.Listener.deliver_link]; the address really
 *   used with [method@Chan.Listener.set_uri].
 * @unlisten: stops what @listen started; may be called from any thread.
 *
 * What a transport implements: it turns a URI into links.
 *
 * Since: 0.1
 */
struct _ChanTransportInterface
{
  GTypeInterface g_iface;

  gboolean (*open_link) (ChanTransport *self, ChanOperation *operation, GError **error);
  gboolean (*listen)    (ChanTransport *self, ChanListener *listener, ChanOperation *operation, GError **error);
  void     (*unlisten)  (ChanTransport *self, ChanListener *listener);

  /*< private >*/
  gpointer padding[8];
};

CHAN_API ChanTransport *chan_transport_new_for_scheme (const char *scheme, GError **error);
CHAN_API char         **chan_transport_list_schemes   (void);
CHAN_API gboolean       chan_transport_register       (const char *scheme, GType type);

CHAN_API gboolean       chan_transport_open_link      (ChanTransport *self, ChanOperation *operation, GError **error);
CHAN_API gboolean       chan_transport_listen         (ChanTransport *self, ChanListener *listener, ChanOperation *operation, GError **error);
CHAN_API void           chan_transport_unlisten       (ChanTransport *self, ChanListener *listener);

/* For plugins: what comes in */
CHAN_API void           chan_listener_deliver_link    (ChanListener *self, ChanLink *link);
CHAN_API gboolean       chan_listener_deliver_stream  (ChanListener *self, GIOStream *stream, GError **error);
CHAN_API void           chan_listener_set_uri         (ChanListener *self, const char *uri);
CHAN_API void           chan_listener_fail            (ChanListener *self, const GError *error);

G_END_DECLS

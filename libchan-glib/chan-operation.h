/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>
#include <libchan-glib/chan-options.h>

G_BEGIN_DECLS

#define CHAN_TYPE_OPERATION (chan_operation_get_type ())

CHAN_API
G_DECLARE_FINAL_TYPE (ChanOperation, chan_operation, CHAN, OPERATION, GObject)

CHAN_API GUri         *chan_operation_get_uri         (ChanOperation *self);
CHAN_API ChanOptions  *chan_operation_get_options     (ChanOperation *self);
CHAN_API GCancellable *chan_operation_get_cancellable (ChanOperation *self);

CHAN_API void          chan_operation_return_link     (ChanOperation *self, ChanLink *link);
CHAN_API void          chan_operation_return_stream   (ChanOperation *self, GIOStream *stream);
CHAN_API void          chan_operation_return_done     (ChanOperation *self);
CHAN_API void          chan_operation_return_error    (ChanOperation *self, const GError *error);

G_END_DECLS

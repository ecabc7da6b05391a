/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "chan-later.h"

G_BEGIN_DECLS

/* A stream that is not ours inside a message: a byte stream goes in its place,
 * and a pump carries between that and the stream, with backpressure, half-close
 * and errors, until both directions have ended; then the stream is closed. */

/* A GIOStream, GInputStream or GOutputStream? Ours are not looked at here. */
gboolean chan_pump_is_foreign (GObject *handle);
/* The three steps of a send (chan-handle.h), of a foreign stream; no lock held.
 * pack: the stream is reserved, and what is returned stands for it. */
GObject *chan_pump_pack       (GObject *stream, GError **error);
void     chan_pump_commit     (GObject *stream);
void     chan_pump_unpack     (GObject *stream);

G_END_DECLS

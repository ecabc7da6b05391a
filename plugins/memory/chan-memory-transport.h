/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-transport.h>

G_BEGIN_DECLS

/* Sessions inside the process: `memory:NAME`. Linked into the library. */

#define CHAN_TYPE_MEMORY_TRANSPORT (chan_memory_transport_get_type ())

G_DECLARE_FINAL_TYPE (ChanMemoryTransport, chan_memory_transport, CHAN, MEMORY_TRANSPORT, GObject)

G_END_DECLS

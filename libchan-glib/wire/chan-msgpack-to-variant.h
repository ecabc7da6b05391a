/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The GVariant that a msgpack value reads as, by the table in docs/wire-messages.md
 * ("From msgpack"). `data` must have passed a ChanMsgpackReader. Written
 * directly in GVariant's serialised form: one pass, one buffer, no tree.
 * Returns a reference that is not floating. */
GVariant *chan_msgpack_to_variant (const guint8 *data,
                                   gsize         len);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-body.h"
#include "chan-spdy-conn.h"

G_BEGIN_DECLS

/* Appends `value` as msgpack, by the table in docs/wire-messages.md ("To msgpack"). `dialect`
 * (GEN1 or GEN2) decides the form of handles, each of which must occur exactly
 * once. On failure `out` holds a part of it. */
gboolean chan_msgpack_from_variant (GVariant             *value,
                                    ChanSpdyDialect       dialect,
                                    const ChanWireHandle *handles,
                                    gsize                 n_handles,
                                    const ChanLimits     *limits,
                                    GByteArray           *out,
                                    GError              **error);
/* Appends one handle, as the ext it is in `dialect`. */
void     chan_msgpack_write_handle (GByteArray           *out,
                                    ChanSpdyDialect       dialect,
                                    const ChanWireHandle *handle);

G_END_DECLS

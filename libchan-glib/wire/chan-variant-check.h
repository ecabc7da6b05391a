/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-limits.h"

G_BEGIN_DECLS

/* GLib reads values deeper than 128 as (): this stays clear of it. */
#define CHAN_VARIANT_MAX_DEPTH 120

/* Checks serialised GVariant data as it is on the wire (little endian): normal
 * form (GVariant specification, section 3), nodes, depth, and that every `h` is
 * below n_handles. One pass, no allocation, linear. What passes may be wrapped
 * as trusted. `type` must be valid (chan_variant_type_is_valid()).
 *
 * Nodes are values; an array of numbers is one. Depth counts arrays, tuples and
 * maybes up to limits->message_depth, and all containers, also variants and
 * dictionary entries, up to CHAN_VARIANT_MAX_DEPTH.
 *
 * Why not g_variant_is_normal_form(): it allocates, takes a lock for each
 * variant inside, and does not count. */
gboolean chan_variant_check (const char       *type,
                             const guint8     *data,
                             gsize             len,
                             gsize             n_handles,
                             const ChanLimits *limits,
                             GError          **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How values of one GVariant type are laid out (GVariant specification,
 * section 2). GLib knows it too, but tells nobody. */
typedef struct
{
  const char *end; /* of its type string */
  guint16 fixed;   /* size of each value; 0: not of fixed size */
  guint8 mask;     /* alignment - 1 */
  guint8 depth;    /* of nesting: 1 for basic types and variants */
} ChanVariantType;

/* A complete, definite type, all of it, and at most 255 long? */
gboolean        chan_variant_type_is_valid (const char *type, gsize len);
/* Of the first type in `type`, which is valid. */
ChanVariantType chan_variant_type_get      (const char *type);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Appends msgpack values to a byte array, each in its shortest form, integers
 * and floats as Go libchan writes them (docs/wire-messages.md, "To msgpack"). */

void chan_msgpack_write_nil    (GByteArray *out);
void chan_msgpack_write_bool   (GByteArray *out, gboolean value);
/* fixint, d0 to d3: so 200 is d1 00c8 */
void chan_msgpack_write_int    (GByteArray *out, gint64 value);
/* as write_int() if it fits, else cf */
void chan_msgpack_write_uint   (GByteArray *out, guint64 value);
/* cb; bit for bit */
void chan_msgpack_write_double (GByteArray *out, double value);
void chan_msgpack_write_str    (GByteArray *out, const char *data, guint32 len);
/* The head of a bin; its bytes follow. */
void chan_msgpack_write_bin    (GByteArray *out, guint32 len);
/* Heads: `n` values, or pairs, follow. */
void chan_msgpack_write_array  (GByteArray *out, guint32 n);
void chan_msgpack_write_map    (GByteArray *out, guint32 n);
void chan_msgpack_write_ext    (GByteArray *out, guint8 code, const guint8 *data, guint32 len);

G_END_DECLS

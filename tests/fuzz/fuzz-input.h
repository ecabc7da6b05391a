/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

int LLVMFuzzerTestOneInput (const guint8 *data, gsize len);

/* What a fuzz target is given, taken apart from the front: first what decides
 * how the parser is used, then what is parsed. */
typedef struct
{
  const guint8 *data;
  gsize len;
} FuzzInput;

/* The next byte; 0 at the end. */
guint8  fuzz_input_byte (FuzzInput *self);
/* Up to the next NUL, which is dropped, or the end; a copy with a NUL of its
 * own, so that reading beyond it is seen. Transfer full. */
char   *fuzz_input_text (FuzzInput *self);
/* The same with a length in front, two bytes. Transfer full. */
guint8 *fuzz_input_block (FuzzInput *self, gsize *ret_len);

typedef void (*FuzzPieceFunc) (const guint8 *data, gsize len, gpointer user_data);

/* The rest of the input in pieces, cut at the `n` ascending offsets. Each piece
 * is in memory of its own, gone after the call: reading beyond a piece, or later,
 * is seen. */
void    fuzz_input_feed       (const FuzzInput *self, const gsize *cuts, gsize n, FuzzPieceFunc func,
                               gpointer user_data);
/* The same byte by byte. */
void    fuzz_input_feed_bytes (const FuzzInput *self, FuzzPieceFunc func, gpointer user_data);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-body.h"

G_BEGIN_DECLS

/* What a body was made from. */
typedef enum
{
  CHAN_BODY_VARIANT,
  CHAN_BODY_BYTES,
  CHAN_BODY_SERIALISED,
  CHAN_BODY_MSGPACK,
} ChanBodyForm;

/* Memory in which a decoder gathers what arrives, and which then becomes the
 * body without a copy: bytes and body are one allocation. */
typedef struct _ChanBody ChanBodyBlock;

/* A block with room for `capacity` bytes; keeps those of `self` (nullable: a new one) that fit. */
ChanBodyBlock *chan_body_block_resize (ChanBodyBlock *self, gsize capacity);
/* Aligned as for malloc(). */
guint8        *chan_body_block_data   (ChanBodyBlock *self);
void           chan_body_block_free   (ChanBodyBlock *self);
/* The first `len` bytes are the body. `type` is for SERIALISED only (not NUL-terminated). */
ChanBody      *chan_body_block_finish (ChanBodyBlock *self, ChanBodyForm form, gsize len,
                                       const char *type, gsize type_len);

ChanBodyForm   chan_body_get_form     (ChanBody *self);
/* BYTES, SERIALISED, MSGPACK: the memory. */
const guint8  *chan_body_peek_data    (ChanBody *self, gsize *len);
/* SERIALISED: its type string. */
const char    *chan_body_peek_type    (ChanBody *self);
/* BYTES, SERIALISED, MSGPACK: the memory as GBytes, for keeping it; transfer full. */
GBytes        *chan_body_dup_data     (ChanBody *self);

G_END_DECLS

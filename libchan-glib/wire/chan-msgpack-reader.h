/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-body.h"
#include "chan-msgpack-item.h"
#include "chan-spdy-conn.h"
#include "chan-variant-check.h"

G_BEGIN_DECLS

/* Checks one msgpack value as it arrives, so that everything built from it
 * later cannot fail (docs/wire-messages.md). Iterative; allocates only for handles and
 * for the keys of large maps. */

#define CHAN_MSGPACK_MAX_DEPTH 64   /* cap of limits->message_depth */
#define CHAN_MSGPACK_VIEW_DEPTH (CHAN_VARIANT_MAX_DEPTH - 2) /* as a GVariant; 2: what nil and time read as */
#define CHAN_MSGPACK_NODE_COST 32   /* bytes of memory a value is reckoned with, plus its payload */

typedef struct
{
  guint32 left;    /* values to come; a pair is two */
  guint32 first_key;
  gboolean is_map;
} ChanMsgpackFrame;

typedef struct
{
  guint32 offset;
  guint32 len;
} ChanMsgpackKey;

typedef struct
{
  const ChanLimits *limits;
  ChanSpdyDialect dialect;      /* GEN1 or GEN2: what the exts mean */
  gsize pos;                    /* bytes checked: the size of the value once DONE */
  gsize need;                   /* after MORE: bytes that must be there to go on */
  guint nodes;
  gsize memory;
  guint depth;
  guint view_depth;             /* of the innermost open container, as a GVariant */
  guint n_keys;
  GArray *more_keys;            /* of ChanMsgpackKey, instead of `keys` once those are full */
  ChanWireHandle *handles;      /* in order of occurrence */
  guint n_handles;
  gint error_code;              /* ChanChannelError, sticky; -1: none */
  const char *error_text;
  ChanMsgpackKey keys[16];
  ChanMsgpackFrame frames[CHAN_MSGPACK_MAX_DEPTH];
} ChanMsgpackReader;

typedef enum
{
  CHAN_MSGPACK_MORE,
  CHAN_MSGPACK_DONE,
  CHAN_MSGPACK_ERROR,
} ChanMsgpackResult;

void              chan_msgpack_reader_init  (ChanMsgpackReader *self,
                                             ChanSpdyDialect    dialect,
                                             const ChanLimits  *limits);
/* `data` is the value from its first byte, as far as it has arrived; it may
 * have moved since the last call. May be copied by assignment (moved). */
ChanMsgpackResult chan_msgpack_reader_scan  (ChanMsgpackReader *self,
                                             const guint8      *data,
                                             gsize              len);
void              chan_msgpack_reader_clear (ChanMsgpackReader *self);

G_END_DECLS

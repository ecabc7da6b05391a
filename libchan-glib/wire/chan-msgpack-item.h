/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CHAN_MSGPACK_NANOSECONDS 1000000000u /* in a time: fewer than this */

typedef enum
{
  CHAN_MSGPACK_INVALID, /* c1: never used */
  CHAN_MSGPACK_NIL,
  CHAN_MSGPACK_BOOL,
  CHAN_MSGPACK_INT,     /* fits gint64, whatever its code */
  CHAN_MSGPACK_UINT,    /* above G_MAXINT64 */
  CHAN_MSGPACK_FLOAT,
  CHAN_MSGPACK_STR,
  CHAN_MSGPACK_BIN,
  CHAN_MSGPACK_ARRAY,
  CHAN_MSGPACK_MAP,
  CHAN_MSGPACK_EXT,
} ChanMsgpackType;

/* The head of one msgpack value: everything but the payload of str, bin and
 * ext, and the members of arrays and maps. */
typedef struct
{
  ChanMsgpackType type;
  guint8 head;     /* bytes of the head */
  guint8 ext;      /* EXT: its code */
  guint32 length;  /* STR, BIN, EXT: payload bytes; ARRAY: values; MAP: pairs */
  guint64 u;       /* BOOL, UINT */
  gint64 i;        /* INT */
  double d;        /* FLOAT */
} ChanMsgpackItem;

/* Of generation 1, the addresses of a connection: codes 4 (tcp) and 5 (udp). In
 * generation 2 these are handles, of 4 or 8 bytes; addresses never are so short. */
static inline gboolean
chan_msgpack_item_is_conn (const ChanMsgpackItem *self)
{
  return (self->ext == 4 || self->ext == 5) && self->length != 4 && self->length != 8;
}

/* Reads the head at `data`. FALSE: it is not all there; ret->head says how many
 * bytes it has. Looks at the head only, so the length may be a lie. */
gboolean chan_msgpack_item_read (ChanMsgpackItem *ret,
                                 const guint8    *data,
                                 gsize            len);

G_END_DECLS

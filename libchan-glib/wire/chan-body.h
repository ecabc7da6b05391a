/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "chan-limits.h"

G_BEGIN_DECLS

/* The immutable body of a message in whichever form it came, and its other
 * forms, built once when somebody looks. Thread-safe, atomically refcounted.
 * A body that exists is valid: what a peer sent was checked on arrival by a
 * scan without allocation, so no getter fails. */
typedef struct _ChanBody ChanBody;

/* The wire names a handle by kind and ref. Kinds are generation 2's ext codes
 * and say what the *receiver of the message* gets (docs/wire.md). */
typedef enum
{
  CHAN_WIRE_BYTES_DUPLEX = 1, /* a byte stream to read and write */
  CHAN_WIRE_BYTES_WRITE = 2,  /* a byte stream to write to */
  CHAN_WIRE_BYTES_READ = 3,   /* a byte stream to read from */
  CHAN_WIRE_SENDER = 4,       /* a channel to send on */
  CHAN_WIRE_RECEIVER = 5,     /* a channel to receive from */
  CHAN_WIRE_FD = 6,           /* a file descriptor; GLIB only; the ref says the how manieth of the session it is, from 0 */
} ChanWireKind;

typedef struct
{
  ChanWireKind kind;
  guint64 ref;
} ChanWireHandle;

ChanBody   *chan_body_new_variant    (GVariant *body);  /* sinks a floating reference */
ChanBody   *chan_body_new_bytes      (GBytes *bytes);   /* type ay */
/* Serialised form, host byte order, already checked to be normal (trusted). */
ChanBody   *chan_body_new_serialised (const char *type, GBytes *data);
/* One whole msgpack object, already scanned; the k-th handle ext in it reads as
 * the value `h` k. */
ChanBody   *chan_body_new_msgpack    (GBytes *data);
ChanBody   *chan_body_ref            (ChanBody *self);
void        chan_body_unref          (ChanBody *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanBody, chan_body_unref)

GVariant   *chan_body_get_variant    (ChanBody *self);  /* transfer none, lives as long as the body */
GBytes     *chan_body_get_bytes      (ChanBody *self);  /* transfer none; NULL unless the body is ay (msgpack: bin) */
/* Bytes it holds, for queues and limits. O(1). */
gsize       chan_body_get_size       (ChanBody *self);
/* msgpack form if that is what it was made from, else NULL. */
GBytes     *chan_body_peek_msgpack   (ChanBody *self);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-body.h"
#include "chan-spdy-conn.h"

G_BEGIN_DECLS

/* Message <-> bytes of a channel stream. Pure. Errors are CHAN_CHANNEL_ERROR:
 * TOO_LARGE, TOO_COMPLEX, PROTOCOL (received bytes), UNSUPPORTED (a value that
 * cannot be said in this dialect). */

/* --- encoding ----------------------------------------------------------- */

/* Scratch for encoding, reused from message to message. */
typedef struct
{
  GByteArray *scratch;         /* created on first use */
  ChanSpdySegment segments[2]; /* valid until the next encode */
  gsize n_segments;
  gsize n_bytes;               /* their sum: what the message costs on the wire */
  GBytes *owner;               /* nullable: of the second segment */
} ChanEncoded;

void     chan_encoded_clear (ChanEncoded *self);

/* GLIB: one ext with type string, handle table and serialised bytes (large
 * bodies by reference, no copy). GEN2, GEN1: plain msgpack by the mapping in docs/wire-messages.md;
 * each handle index must occur exactly once in the body. What the peer would
 * refuse (limits, an `h` out of range) is refused here.
 * On failure nothing is kept and the message stays usable. */
gboolean chan_codec_encode (ChanSpdyDialect       dialect,
                            ChanBody             *body,
                            const ChanWireHandle *handles,
                            gsize                 n_handles,
                            const ChanLimits     *limits,
                            ChanEncoded          *out,
                            GError              **error);

/* --- decoding ----------------------------------------------------------- */

/* Embedded in a stream; all zero is a fresh decoder, and it owns no memory
 * between messages (an idle channel must stay small). */
typedef struct
{
  struct _ChanDecoderState *state; /* NULL: at a message boundary */
  gboolean failed;                 /* sticky */
} ChanDecoder;

typedef struct
{
  ChanBody *body;              /* transfer full */
  ChanWireHandle *handles;     /* transfer full, g_free; NULL if none; in index order */
  gsize n_handles;
  gsize n_bytes;               /* wire bytes of this message */
} ChanDecoded;

typedef enum
{
  CHAN_DECODE_MORE,    /* all bytes consumed, message not complete */
  CHAN_DECODE_MESSAGE, /* *ret is filled; *consumed may be less than len */
  CHAN_DECODE_ERROR,   /* sticky: the channel is over */
} ChanDecodeResult;

/* Bytes in any split. A message that is whole inside [data, len) is decoded in
 * place; otherwise bytes are gathered, growing with what has arrived, never by
 * a declared length. GEN1 and GEN2 are told apart only by the handle exts. */
ChanDecodeResult chan_decoder_feed  (ChanDecoder *self, ChanSpdyDialect dialect, const ChanLimits *limits,
                                     const guint8 *data, gsize len, gsize *consumed,
                                     ChanDecoded *ret, GError **error);
/* Bytes held of a message that is not complete: FIN now would be inside a message. */
gsize            chan_decoder_held  (const ChanDecoder *self);
void             chan_decoder_clear (ChanDecoder *self);

G_END_DECLS

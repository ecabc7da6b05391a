/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "chan-limits.h"

G_BEGIN_DECLS

/* Name/value header blocks, SPDY/3 section 2.6.10: one zlib stream for each
 * direction of a connection, a block is what its frame carries of it. */

#define CHAN_SPDY_DICTIONARY_SIZE 1423
#define CHAN_SPDY_DICTIONARY_ADLER 0xe3c6a7c2u
extern const guint8 chan_spdy_dictionary[CHAN_SPDY_DICTIONARY_SIZE];

typedef struct
{
  const char *name;
  const char *value; /* NUL-terminated; several values of one name are separated by NUL: the first one */
} ChanSpdyHeader;

/* --- out ---------------------------------------------------------------- */

/* Blocks are stored, never compressed: nothing leaks by their size (CRIME), no
 * deflate state is kept, and a zlib stream of stored blocks is written by hand
 * (RFC 1950, RFC 1951 section 3.2.4). It says window 2^11, which spares the
 * peer memory. All zero is a fresh stream. */
typedef struct
{
  gboolean started;
} ChanSpdyHeadersOut;

/* Bytes the next block takes. The plain text is at most 65535 bytes long, which the caller sees to. */
gsize    chan_spdy_headers_out_size  (const ChanSpdyHeadersOut *self, const ChanSpdyHeader *headers, gsize n);
/* Writes it, and returns the byte after it. */
guint8  *chan_spdy_headers_out_write (ChanSpdyHeadersOut *self, guint8 *at, const ChanSpdyHeader *headers, gsize n);

/* --- in ----------------------------------------------------------------- */

/* All zero is a fresh stream; memory comes with the first block. */
typedef struct
{
  struct z_stream_s *zlib;
  guint8 *text; /* the last block, inflated */
  gsize size;
  gsize len;
} ChanSpdyHeadersIn;

void        chan_spdy_headers_in_clear (ChanSpdyHeadersIn *self);
/* Inflates a block and checks all of it. Returns NULL, or what is wrong
 * (static); then the zlib stream is lost, and with it the connection. */
const char *chan_spdy_headers_in_block (ChanSpdyHeadersIn *self, const guint8 *data, gsize len,
                                        const ChanLimits *limits);

/* Walks over the last block, once: it is changed by that. */
typedef struct
{
  guint8 *at;
  guint32 left;
  guint32 name_len;
} ChanSpdyHeadersIter;

void        chan_spdy_headers_iter_init (ChanSpdyHeadersIter *self, ChanSpdyHeadersIn *block);
/* Strings are valid until the next block. */
gboolean    chan_spdy_headers_iter_next (ChanSpdyHeadersIter *self, ChanSpdyHeader *ret);

G_END_DECLS

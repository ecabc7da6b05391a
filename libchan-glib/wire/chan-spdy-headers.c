/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-spdy-headers.h"

#include <string.h>
#include <zlib.h>

#include "chan-spdy-frame.h"

/* --- out ---------------------------------------------------------------- */

#define ZLIB_HEAD 6
#define STORED_HEAD 5

static gsize
plain_size (const ChanSpdyHeader *headers, gsize n)
{
  gsize size = 4;

  for (gsize i = 0; i < n; i++)
    size += 8 + strlen (headers[i].name) + strlen (headers[i].value);
  return size;
}

gsize
chan_spdy_headers_out_size (const ChanSpdyHeadersOut *self, const ChanSpdyHeader *headers, gsize n)
{
  return (self->started ? 0 : ZLIB_HEAD) + STORED_HEAD + plain_size (headers, n) + STORED_HEAD;
}

static guint8 *
put_stored_head (guint8 *at, gsize len)
{
  *at++ = 0; /* not the last block, stored, padding */
  *at++ = (guint8) len;
  *at++ = (guint8) (len >> 8);
  *at++ = (guint8) ~len;
  *at++ = (guint8) (~len >> 8);
  return at;
}

static guint8 *
put_string (guint8 *at, const char *string)
{
  gsize len = strlen (string);

  at = chan_spdy_put_u32 (at, (guint32) len);
  memcpy (at, string, len);
  return at + len;
}

guint8 *
chan_spdy_headers_out_write (ChanSpdyHeadersOut *self, guint8 *at, const ChanSpdyHeader *headers, gsize n)
{
  if (!self->started)
    {
      *at++ = 0x38; /* deflate, window 2^11 */
      *at++ = 0x30; /* fastest, with a dictionary, check bits */
      at = chan_spdy_put_u32 (at, CHAN_SPDY_DICTIONARY_ADLER);
      self->started = TRUE;
    }
  at = put_stored_head (at, plain_size (headers, n));
  at = chan_spdy_put_u32 (at, (guint32) n);
  for (gsize i = 0; i < n; i++)
    {
      at = put_string (at, headers[i].name);
      at = put_string (at, headers[i].value);
    }
  /* Go waits for the marker of a sync flush at a block's end. */
  return put_stored_head (at, 0);
}

/* --- in ----------------------------------------------------------------- */

#define FIRST_SIZE 512
#define KEPT_SIZE 2048

void
chan_spdy_headers_in_clear (ChanSpdyHeadersIn *self)
{
  if (self->zlib != NULL)
    inflateEnd (self->zlib);
  g_clear_pointer (&self->zlib, g_free);
  g_clear_pointer (&self->text, g_free);
  self->size = self->len = 0;
}

static const char *
prepare (ChanSpdyHeadersIn *self)
{
  if (self->zlib == NULL)
    {
      self->zlib = g_new0 (z_stream, 1);
      /* 0: as large a window as the peer's zlib header asks for */
      if (inflateInit2 (self->zlib, 0) != Z_OK)
        {
          g_clear_pointer (&self->zlib, g_free);
          return "no memory to inflate headers";
        }
    }
  if (self->text == NULL || self->size > KEPT_SIZE)
    {
      g_free (self->text);
      self->size = FIRST_SIZE;
      self->text = g_malloc (self->size);
    }
  self->len = 0;
  return NULL;
}

/* One byte is kept free, for the NUL of the last string. */
static gboolean
make_room (ChanSpdyHeadersIn *self, gsize limit)
{
  if (self->len > limit)
    return FALSE;
  if (self->len + 1 < self->size)
    return TRUE;
  self->size = MIN (self->size * 2, MAX (limit + 2, self->len + 2));
  self->text = g_realloc (self->text, self->size);
  return TRUE;
}

static gboolean
inflate_some (ChanSpdyHeadersIn *self, int *result)
{
  z_stream *zlib = self->zlib;

  zlib->next_out = self->text + self->len;
  zlib->avail_out = (guint) (self->size - 1 - self->len);
  *result = inflate (zlib, Z_SYNC_FLUSH);
  self->len = self->size - 1 - zlib->avail_out;
  if (*result == Z_NEED_DICT)
    *result = inflateSetDictionary (zlib, chan_spdy_dictionary, CHAN_SPDY_DICTIONARY_SIZE);
  else if (*result == Z_BUF_ERROR && zlib->avail_in == 0)
    return FALSE;
  /* The end of the zlib stream would be the end of all headers. */
  return *result == Z_OK && (zlib->avail_in > 0 || zlib->avail_out == 0);
}

static const char *
inflate_block (ChanSpdyHeadersIn *self, const guint8 *data, gsize len, gsize limit)
{
  z_stream *zlib = self->zlib;
  int result = Z_OK;

  zlib->next_in = (Bytef *) data;
  zlib->avail_in = (guint) len;
  do
    {
      if (!make_room (self, limit))
        return "headers are too large";
    }
  while (inflate_some (self, &result));
  if (self->len > limit)
    return "headers are too large";
  if (zlib->avail_in > 0 || (result != Z_OK && result != Z_BUF_ERROR))
    return "headers are not a SPDY/3 zlib stream";
  return NULL;
}

/* Skips a string with a length in front, if it is there and at most `max` long. */
static gboolean
skip_string (const guint8 **at, const guint8 *end, guint32 max, gboolean may_be_empty)
{
  guint32 len;

  if (end - *at < 4)
    return FALSE;
  len = chan_spdy_get_u32 (*at);
  *at += 4;
  if (len > max || len > (gsize) (end - *at) || (len == 0 && !may_be_empty))
    return FALSE;
  *at += len;
  return TRUE;
}

static const char *
check_block (const ChanSpdyHeadersIn *self, const ChanLimits *limits)
{
  const guint8 *at = self->text;
  const guint8 *end = self->text + self->len;
  guint32 n;

  if (self->len < 4)
    return "the count of headers is missing";
  n = chan_spdy_get_u32 (at);
  at += 4;
  if (n > limits->header_pairs)
    return "too many headers";
  for (; n > 0; n--)
    {
      if (!skip_string (&at, end, limits->header_name_bytes, FALSE))
        return "a header name with a wrong length";
      if (!skip_string (&at, end, limits->header_value_bytes, TRUE))
        return "a header value with a wrong length";
    }
  return at == end ? NULL : "bytes after the last header";
}

const char *
chan_spdy_headers_in_block (ChanSpdyHeadersIn *self, const guint8 *data, gsize len, const ChanLimits *limits)
{
  const char *wrong = prepare (self);

  if (wrong == NULL)
    wrong = inflate_block (self, data, len, limits->header_block_bytes);
  return wrong != NULL ? wrong : check_block (self, limits);
}

void
chan_spdy_headers_iter_init (ChanSpdyHeadersIter *self, ChanSpdyHeadersIn *block)
{
  self->left = chan_spdy_get_u32 (block->text);
  self->at = block->text + 4;
  self->name_len = 0;
  if (self->left > 0)
    self->name_len = chan_spdy_get_u32 (self->at);
}

gboolean
chan_spdy_headers_iter_next (ChanSpdyHeadersIter *self, ChanSpdyHeader *ret)
{
  guint8 *name, *value, *end;

  if (self->left == 0)
    return FALSE;
  name = self->at + 4;
  value = name + self->name_len + 4;
  end = value + chan_spdy_get_u32 (value - 4);
  if (--self->left > 0)
    self->name_len = chan_spdy_get_u32 (end);
  /* Each length was read: its first byte is free to end the string before it. */
  value[-4] = '\0';
  *end = '\0';
  self->at = end;
  ret->name = (const char *) name;
  ret->value = (const char *) value;
  return TRUE;
}

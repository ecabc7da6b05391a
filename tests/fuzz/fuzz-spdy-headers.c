/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Header blocks, one after the other on one zlib stream. The first byte decides
 * whether the input is what the peer's zlib wrote, or the plain text that zlib
 * deflates first, and how; each block has its length in front. */
#include "fuzz-input.h"

#include <string.h>
#include <zlib.h>

#include "libchan-glib/wire/chan-spdy-frame.h"
#include "libchan-glib/wire/chan-spdy-headers.h"

#define BLOCKS_MAX 64

/* --- a peer with zlib ----------------------------------------------------- */

static GByteArray *
deflate_block (z_stream *zlib, const guint8 *plain, gsize len)
{
  GByteArray *block = g_byte_array_new ();

  zlib->next_in = (Bytef *) plain;
  zlib->avail_in = (guint) len;
  do
    {
      guint8 buffer[1024];

      zlib->next_out = buffer;
      zlib->avail_out = sizeof buffer;
      deflate (zlib, Z_SYNC_FLUSH);
      g_byte_array_append (block, buffer, (guint) sizeof buffer - zlib->avail_out);
    }
  while (zlib->avail_out == 0);
  return block;
}

/* What zlib itself makes of the block, which was accepted. */
static void
assert_inflates (z_stream *zlib, const guint8 *block, gsize len, const ChanSpdyHeadersIn *in)
{
  g_autofree guint8 *plain = g_malloc (in->len + 1);
  int result;

  zlib->next_in = (Bytef *) block;
  zlib->avail_in = (guint) len;
  zlib->next_out = plain;
  zlib->avail_out = (guint) in->len + 1;
  result = inflate (zlib, Z_SYNC_FLUSH);
  if (result == Z_NEED_DICT)
    {
      g_assert (inflateSetDictionary (zlib, chan_spdy_dictionary, CHAN_SPDY_DICTIONARY_SIZE) == Z_OK);
      result = inflate (zlib, Z_SYNC_FLUSH);
    }
  g_assert (result == Z_OK || result == Z_BUF_ERROR);
  g_assert (zlib->avail_in == 0 && zlib->avail_out == 1);
  g_assert (memcmp (plain, in->text, in->len) == 0);
}

/* --- what a block is --------------------------------------------------------- */

static gboolean
take_string (FuzzInput *plain, gsize min, gsize max)
{
  gsize len = 0;

  if (plain->len < 4)
    return FALSE;
  for (int i = 0; i < 4; i++)
    len = len << 8 | fuzz_input_byte (plain);
  if (len < min || len > max || len > plain->len)
    return FALSE;
  plain->data += len;
  plain->len -= len;
  return TRUE;
}

/* SPDY/3 2.6.10, once more, and simply. */
static gboolean
is_valid (const guint8 *data, gsize len, const ChanLimits *limits)
{
  FuzzInput plain = { data, len };
  gsize n = 0;

  if (len < 4 || len > limits->header_block_bytes)
    return FALSE;
  for (int i = 0; i < 4; i++)
    n = n << 8 | fuzz_input_byte (&plain);
  if (n > limits->header_pairs)
    return FALSE;
  while (n-- > 0)
    if (!take_string (&plain, 1, limits->header_name_bytes) || !take_string (&plain, 0, limits->header_value_bytes))
      return FALSE;
  return plain.len == 0;
}

/* What we write of these headers is what we read. */
static void
assert_writes (const ChanSpdyHeader *headers, gsize n, const ChanLimits *limits)
{
  ChanSpdyHeadersOut out = { FALSE };
  ChanSpdyHeadersIn in = { NULL };
  gsize size = chan_spdy_headers_out_size (&out, headers, n);
  g_autofree guint8 *block = g_malloc (size);
  ChanSpdyHeadersIter iter;
  ChanSpdyHeader header;

  g_assert (chan_spdy_headers_out_write (&out, block, headers, n) == block + size);
  g_assert (chan_spdy_headers_in_block (&in, block, size, limits) == NULL);
  chan_spdy_headers_iter_init (&iter, &in);
  for (gsize i = 0; i < n; i++)
    {
      g_assert (chan_spdy_headers_iter_next (&iter, &header));
      g_assert (strcmp (header.name, headers[i].name) == 0 && strcmp (header.value, headers[i].value) == 0);
    }
  g_assert (!chan_spdy_headers_iter_next (&iter, &header));
  chan_spdy_headers_in_clear (&in);
}

static void
look_at_headers (ChanSpdyHeadersIn *in, const ChanLimits *limits)
{
  g_autofree ChanSpdyHeader *headers = g_new0 (ChanSpdyHeader, limits->header_pairs);
  guint32 declared = chan_spdy_get_u32 (in->text);
  ChanSpdyHeadersIter iter;
  gsize n = 0;
  gboolean has_names = TRUE;

  g_assert (declared <= limits->header_pairs);
  chan_spdy_headers_iter_init (&iter, in);
  while (n < declared && chan_spdy_headers_iter_next (&iter, &headers[n]))
    {
      g_assert (strlen (headers[n].name) <= limits->header_name_bytes);
      g_assert (strlen (headers[n].value) <= limits->header_value_bytes);
      /* "several values are separated by NUL": a name that begins so is empty to us */
      has_names &= headers[n].name[0] != '\0';
      n++;
    }
  g_assert (n == declared);
  if (has_names)
    assert_writes (headers, n, limits);
}

/* --- the session ------------------------------------------------------------ */

static gboolean
feed_block (ChanSpdyHeadersIn *in, z_stream *inflater, z_stream *deflater, const guint8 *data, gsize len,
            const ChanLimits *limits)
{
  g_autoptr (GByteArray) deflated = deflater != NULL ? deflate_block (deflater, data, len) : NULL;
  g_autofree guint8 *block = deflated != NULL ? g_memdup2 (deflated->data, deflated->len) : g_memdup2 (data, len);
  gsize size = deflated != NULL ? deflated->len : len;
  const char *wrong = chan_spdy_headers_in_block (in, block, size, limits);

  g_assert (in->size <= MAX (limits->header_block_bytes + 2, 512));
  if (deflater != NULL)
    g_assert ((wrong == NULL) == is_valid (data, len, limits));
  if (wrong != NULL)
    return FALSE;
  assert_inflates (inflater, block, size, in);
  look_at_headers (in, limits);
  return TRUE;
}

static void
begin_deflate (z_stream *zlib, guint8 how)
{
  static const int levels[] = { 0, 1, 6, 9 };

  g_assert (deflateInit2 (zlib, levels[how & 3], Z_DEFLATED, how & 4 ? 15 : 11, how & 4 ? 8 : 1, Z_DEFAULT_STRATEGY)
            == Z_OK);
  if (how & 8)
    deflateSetDictionary (zlib, chan_spdy_dictionary, CHAN_SPDY_DICTIONARY_SIZE);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize len)
{
  FuzzInput input = { data, len };
  guint8 how = fuzz_input_byte (&input);
  gboolean plain = (how & 0x80) != 0;
  ChanLimits limits = chan_limits_default;
  ChanSpdyHeadersIn in = { NULL };
  z_stream inflater = { 0 }, deflater = { 0 };
  gboolean more = TRUE;

  if (how & 0x40)
    {
      limits.header_block_bytes = 600;
      limits.header_pairs = 3;
      limits.header_name_bytes = 16;
      limits.header_value_bytes = 300;
    }
  g_assert (inflateInit2 (&inflater, 0) == Z_OK);
  if (plain)
    begin_deflate (&deflater, how);
  for (int n = 0; n < BLOCKS_MAX && more && input.len > 0; n++)
    {
      gsize size;
      g_autofree guint8 *block = fuzz_input_block (&input, &size);

      more = feed_block (&in, &inflater, plain ? &deflater : NULL, block, size, &limits);
    }
  chan_spdy_headers_in_clear (&in);
  inflateEnd (&inflater);
  if (plain)
    deflateEnd (&deflater);
  return 0;
}

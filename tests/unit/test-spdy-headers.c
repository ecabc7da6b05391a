/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Header blocks against zlib itself, and against liars. */
#include "libchan-glib/wire/chan-spdy-headers.h"

#include <string.h>
#include <zlib.h>

#include "libchan-glib/wire/chan-spdy-frame.h"

/* --- a peer that compresses with zlib ----------------------------------- */

static void
deflate_init (z_stream *zlib, int level, int window, gboolean dictionary)
{
  memset (zlib, 0, sizeof *zlib);
  g_assert_cmpint (deflateInit2 (zlib, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), ==, Z_OK);
  if (dictionary)
    g_assert_cmpint (deflateSetDictionary (zlib, chan_spdy_dictionary, CHAN_SPDY_DICTIONARY_SIZE), ==, Z_OK);
}

static GByteArray *
deflate_block (z_stream *zlib, const guint8 *data, gsize len, int flush)
{
  GByteArray *out = g_byte_array_new ();
  guint8 buffer[4096];

  zlib->next_in = (Bytef *) data;
  zlib->avail_in = (guint) len;
  do
    {
      zlib->next_out = buffer;
      zlib->avail_out = sizeof buffer;
      deflate (zlib, flush);
      g_byte_array_append (out, buffer, (guint) sizeof buffer - zlib->avail_out);
    }
  while (zlib->avail_out == 0);
  return out;
}

static void
put_number (GByteArray *plain, guint32 number)
{
  guint8 data[4];

  chan_spdy_put_u32 (data, number);
  g_byte_array_append (plain, data, 4);
}

static void
put_string (GByteArray *plain, const char *string, gsize len)
{
  put_number (plain, (guint32) len);
  g_byte_array_append (plain, (const guint8 *) string, (guint) len);
}

static GByteArray *
plain_pairs (guint n, gsize name_len, gsize value_len)
{
  GByteArray *plain = g_byte_array_new ();
  g_autofree char *name = g_strnfill (name_len, 'n');
  g_autofree char *value = g_strnfill (value_len, 'v');

  put_number (plain, n);
  for (guint i = 0; i < n; i++)
    {
      put_string (plain, name, name_len);
      put_string (plain, value, value_len);
    }
  return plain;
}

/* What is wrong with this plain text, deflated by a fresh zlib; NULL: nothing. */
static const char *
verdict_of (const guint8 *plain, gsize len, const ChanLimits *limits)
{
  ChanSpdyHeadersIn in = { NULL };
  z_stream zlib;
  g_autoptr (GByteArray) block = NULL;
  const char *wrong;

  deflate_init (&zlib, 9, 15, TRUE);
  block = deflate_block (&zlib, plain, len, Z_SYNC_FLUSH);
  deflateEnd (&zlib);
  wrong = chan_spdy_headers_in_block (&in, block->data, block->len, limits);
  chan_spdy_headers_in_clear (&in);
  return wrong;
}

static const char *
verdict_of_pairs (guint n, gsize name_len, gsize value_len)
{
  g_autoptr (GByteArray) plain = plain_pairs (n, name_len, value_len);

  return verdict_of (plain->data, plain->len, &chan_limits_default);
}

static void
test_dictionary (void)
{
  g_assert_cmpuint (adler32 (adler32 (0, NULL, 0), chan_spdy_dictionary, CHAN_SPDY_DICTIONARY_SIZE), ==,
                    CHAN_SPDY_DICTIONARY_ADLER);
}

/* zlib reads what we write, and it is stored: nothing in it is compressed. */
static void
test_out (void)
{
  const ChanSpdyHeader headers[] = { { "libchan-ref", "2" }, { "libchan-name", "name" } };
  ChanSpdyHeadersOut out = { FALSE };
  z_stream zlib = { 0 };

  g_assert_cmpint (inflateInit2 (&zlib, 11), ==, Z_OK);
  for (guint i = 0; i < 3; i++)
    {
      guint8 block[256], plain[256];
      gsize size = chan_spdy_headers_out_size (&out, headers, 2);
      guint8 *end = chan_spdy_headers_out_write (&out, block, headers, 2);

      g_assert_cmpuint (end - block, ==, size);
      g_assert_cmpmem (end - 4, 4, "\0\0\xff\xff", 4);
      g_assert_nonnull (memmem (block, size, "libchan-name", 12));
      zlib.next_in = block;
      zlib.avail_in = (guint) size;
      zlib.next_out = plain;
      zlib.avail_out = sizeof plain;
      if (i == 0)
        {
          g_assert_cmpint (inflate (&zlib, Z_SYNC_FLUSH), ==, Z_NEED_DICT);
          g_assert_cmpint (inflateSetDictionary (&zlib, chan_spdy_dictionary, CHAN_SPDY_DICTIONARY_SIZE), ==, Z_OK);
        }
      g_assert_cmpint (inflate (&zlib, Z_SYNC_FLUSH), ==, Z_OK);
      g_assert_cmpuint (zlib.avail_in, ==, 0);
      g_assert_cmpmem (plain, (int) (sizeof plain - zlib.avail_out),
                       "\0\0\0\2\0\0\0\x0blibchan-ref\0\0\0\1" "2\0\0\0\x0clibchan-name\0\0\0\4name", 48);
    }
  inflateEnd (&zlib);
}

static void
check_round (int level, int window, gboolean dictionary, int flush)
{
  ChanSpdyHeadersIn in = { NULL };
  z_stream zlib;

  deflate_init (&zlib, level, window, dictionary);
  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (GByteArray) plain = plain_pairs (i, 10 + i, 100 * i);
      g_autoptr (GByteArray) block = deflate_block (&zlib, plain->data, plain->len, flush);
      ChanSpdyHeadersIter iter;
      ChanSpdyHeader header;
      guint n = 0;

      g_assert_null (chan_spdy_headers_in_block (&in, block->data, block->len, &chan_limits_default));
      chan_spdy_headers_iter_init (&iter, &in);
      while (chan_spdy_headers_iter_next (&iter, &header))
        {
          g_assert_cmpuint (strlen (header.name), ==, 10 + i);
          g_assert_cmpuint (strlen (header.value), ==, 100 * i);
          n++;
        }
      g_assert_cmpuint (n, ==, i);
    }
  deflateEnd (&zlib);
  chan_spdy_headers_in_clear (&in);
}

static void
test_in (void)
{
  static const int windows[] = { 9, 11, 15 };
  static const int flushes[] = { Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_PARTIAL_FLUSH };

  for (int level = 0; level <= 9; level++)
    {
      for (guint w = 0; w < G_N_ELEMENTS (windows); w++)
        {
          for (guint f = 0; f < G_N_ELEMENTS (flushes); f++)
            {
              check_round (level, windows[w], TRUE, flushes[f]);
              check_round (level, windows[w], FALSE, flushes[f]);
            }
        }
    }
}

static void
test_limits (void)
{
  ChanLimits tight = chan_limits_default;
  g_autoptr (GByteArray) plain = plain_pairs (2, 10, 10);

  g_assert_null (verdict_of_pairs (0, 0, 0));
  g_assert_null (verdict_of_pairs (64, 1, 0));
  g_assert_nonnull (verdict_of_pairs (65, 1, 0));
  g_assert_null (verdict_of_pairs (1, 256, 8192));
  g_assert_nonnull (verdict_of_pairs (1, 257, 1));
  g_assert_nonnull (verdict_of_pairs (1, 1, 8193));
  g_assert_nonnull (verdict_of_pairs (1, 0, 1));
  tight.header_block_bytes = plain->len;
  g_assert_null (verdict_of (plain->data, plain->len, &tight));
  tight.header_block_bytes = plain->len - 1;
  g_assert_nonnull (verdict_of (plain->data, plain->len, &tight));
}

/* A2: counts and lengths are checked against what is there. */
static void
test_lies (void)
{
  g_autoptr (GByteArray) plain = plain_pairs (2, 4, 4);

  for (gsize len = 0; len < plain->len; len++)
    g_assert_nonnull (verdict_of (plain->data, len, &chan_limits_default));
  g_assert_null (verdict_of (plain->data, plain->len, &chan_limits_default));
  for (guint at = 0; at < plain->len; at++)
    {
      g_autofree guint8 *copy = g_memdup2 (plain->data, plain->len);
      gboolean is_number = at < 4 || (at - 4) % 8 < 4;

      copy[at] = 0xff;
      if (is_number)
        g_assert_nonnull (verdict_of (copy, plain->len, &chan_limits_default));
      else
        g_assert_null (verdict_of (copy, plain->len, &chan_limits_default));
    }
  g_byte_array_append (plain, (const guint8 *) "", 1);
  g_assert_nonnull (verdict_of (plain->data, plain->len, &chan_limits_default));
}

/* A3: 16 KiB of input that would be 16 MiB. */
static void
test_bomb (void)
{
  g_autofree guint8 *zeros = g_malloc0 (16 << 20);
  ChanSpdyHeadersIn in = { NULL };
  g_autoptr (GByteArray) block = NULL;
  z_stream zlib;

  deflate_init (&zlib, 9, 15, TRUE);
  block = deflate_block (&zlib, zeros, 16 << 20, Z_SYNC_FLUSH);
  deflateEnd (&zlib);
  g_assert_cmpuint (block->len, <, 20000);
  g_assert_cmpstr (chan_spdy_headers_in_block (&in, block->data, block->len, &chan_limits_default), ==,
                   "headers are too large");
  g_assert_cmpuint (in.size, <=, chan_limits_default.header_block_bytes + 2);
  chan_spdy_headers_in_clear (&in);
}

/* A4 */
static void
test_bad_zlib (void)
{
  static const struct
  {
    const char *bytes;
    gsize len;
  } cases[] = {
    { "", 0 },
    { "\x78", 1 },                                                  /* half a zlib header */
    { "\x78\x9d\x00", 3 },                                          /* its check bits */
    { "\x88\x1c", 2 },                                              /* window 2^16 */
    { "\x78\xbb\x00\x00\x00\x01\x00\x00\x00\xff\xff", 11 },         /* another dictionary */
    { "\x38\x30\xe3\xc6\xa7\xc2\x06", 7 },                          /* block type 3 */
    { "\x38\x30\xe3\xc6\xa7\xc2\x00\x04\x00\x00\x00", 11 },         /* LEN is not ~NLEN */
    { "\x38\x30\xe3\xc6\xa7\xc2\x01\x04\x00\xfb\xff\0\0\0\0"
      "\0\4\0\1", 19 },                                           /* the end of the zlib stream */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      ChanSpdyHeadersIn in = { NULL };
      g_autofree guint8 *copy = g_memdup2 (cases[i].bytes, cases[i].len);

      g_assert_nonnull (chan_spdy_headers_in_block (&in, copy, cases[i].len, &chan_limits_default));
      chan_spdy_headers_in_clear (&in);
    }
}

static void
test_multi_values (void)
{
  static const guint8 plain[] = "\0\0\0\1\0\0\0\1n\0\0\0\3a\0b";
  ChanSpdyHeadersIn in = { NULL };
  ChanSpdyHeadersIter iter;
  ChanSpdyHeader header;
  z_stream zlib;
  g_autoptr (GByteArray) block = NULL;

  deflate_init (&zlib, 0, 11, TRUE);
  block = deflate_block (&zlib, plain, sizeof plain - 1, Z_SYNC_FLUSH);
  deflateEnd (&zlib);
  g_assert_null (chan_spdy_headers_in_block (&in, block->data, block->len, &chan_limits_default));
  chan_spdy_headers_iter_init (&iter, &in);
  g_assert_true (chan_spdy_headers_iter_next (&iter, &header));
  g_assert_cmpstr (header.value, ==, "a");
  g_assert_false (chan_spdy_headers_iter_next (&iter, &header));
  chan_spdy_headers_in_clear (&in);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spdy-headers/dictionary-is-the-one-of-spdy-3", test_dictionary);
  g_test_add_func ("/spdy-headers/out-is-stored-and-zlib-reads-it", test_out);
  g_test_add_func ("/spdy-headers/in-is-anything-zlib-writes", test_in);
  g_test_add_func ("/spdy-headers/in-keeps-to-the-limits", test_limits);
  g_test_add_func ("/spdy-headers/in-refuses-lengths-that-lie", test_lies);
  g_test_add_func ("/spdy-headers/in-stops-a-bomb", test_bomb);
  g_test_add_func ("/spdy-headers/in-refuses-bad-zlib", test_bad_zlib);
  g_test_add_func ("/spdy-headers/first-of-several-values-counts", test_multi_values);
  return g_test_run ();
}

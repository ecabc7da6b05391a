/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Heads of values, and the scan that checks a whole one as it arrives. */
#include "libchan-glib/wire/chan-msgpack-reader.h"

#include <string.h>

#include <libchan-glib/chan-error.h>

#include "codec-fixture.h"

static const struct
{
  const char *hex;
  ChanMsgpackType type;
  gint64 i;
  guint32 length;
  guint8 ext;
} heads[] = {
  { "00", CHAN_MSGPACK_INT, 0, 0, 0 },
  { "7f", CHAN_MSGPACK_INT, 127, 0, 0 },
  { "e0", CHAN_MSGPACK_INT, -32, 0, 0 },
  { "ff", CHAN_MSGPACK_INT, -1, 0, 0 },
  { "80", CHAN_MSGPACK_MAP, 0, 0, 0 },
  { "8f", CHAN_MSGPACK_MAP, 0, 15, 0 },
  { "93", CHAN_MSGPACK_ARRAY, 0, 3, 0 },
  { "bf", CHAN_MSGPACK_STR, 0, 31, 0 },
  { "c0", CHAN_MSGPACK_NIL, 0, 0, 0 },
  { "c1", CHAN_MSGPACK_INVALID, 0, 0, 0 },
  { "c4 fe", CHAN_MSGPACK_BIN, 0, 254, 0 },
  { "c5 0102", CHAN_MSGPACK_BIN, 0, 258, 0 },
  { "c6 ffffffff", CHAN_MSGPACK_BIN, 0, G_MAXUINT32, 0 },
  { "c7 0c 06", CHAN_MSGPACK_EXT, 0, 12, 6 },
  { "c8 0004 ff", CHAN_MSGPACK_EXT, 0, 4, 255 },
  { "c9 00000008 04", CHAN_MSGPACK_EXT, 0, 8, 4 },
  { "cc ff", CHAN_MSGPACK_INT, 255, 0, 0 },
  { "cd ffff", CHAN_MSGPACK_INT, 65535, 0, 0 },
  { "ce ffffffff", CHAN_MSGPACK_INT, G_MAXUINT32, 0, 0 },
  { "cf 7fffffffffffffff", CHAN_MSGPACK_INT, G_MAXINT64, 0, 0 },
  { "d0 80", CHAN_MSGPACK_INT, -128, 0, 0 },
  { "d1 00c8", CHAN_MSGPACK_INT, 200, 0, 0 },
  { "d2 80000000", CHAN_MSGPACK_INT, G_MININT32, 0, 0 },
  { "d3 8000000000000000", CHAN_MSGPACK_INT, G_MININT64, 0, 0 },
  { "d4 01", CHAN_MSGPACK_EXT, 0, 1, 1 },
  { "d6 05", CHAN_MSGPACK_EXT, 0, 4, 5 },
  { "d8 05", CHAN_MSGPACK_EXT, 0, 16, 5 },
  { "d9 20", CHAN_MSGPACK_STR, 0, 32, 0 },
  { "da 0100", CHAN_MSGPACK_STR, 0, 256, 0 },
  { "db 00010000", CHAN_MSGPACK_STR, 0, 65536, 0 },
  { "dc 0010", CHAN_MSGPACK_ARRAY, 0, 16, 0 },
  { "dd 10000000", CHAN_MSGPACK_ARRAY, 0, 0x10000000, 0 },
  { "de 0010", CHAN_MSGPACK_MAP, 0, 16, 0 },
  { "df 00010000", CHAN_MSGPACK_MAP, 0, 65536, 0 },
};

static void
test_heads (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (heads); i++)
    {
      g_autoptr (GBytes) data = codec_hex (heads[i].hex);
      gsize len = g_bytes_get_size (data);
      ChanMsgpackItem item;

      g_assert_true (chan_msgpack_item_read (&item, g_bytes_get_data (data, NULL), len));
      g_assert_cmpint (item.type, ==, heads[i].type);
      g_assert_cmpuint (item.head, ==, len);
      g_assert_cmpuint (item.length, ==, heads[i].length);
      if (item.type == CHAN_MSGPACK_INT)
        g_assert_cmpint (item.i, ==, heads[i].i);
      if (item.type == CHAN_MSGPACK_EXT)
        g_assert_cmpuint (item.ext, ==, heads[i].ext);
      for (gsize part = 0; part < len; part++)
        {
          g_autofree guint8 *cut = g_memdup2 (g_bytes_get_data (data, NULL), part);

          g_assert_false (chan_msgpack_item_read (&item, cut, part));
          g_assert_cmpuint (item.head, >, part);
        }
    }
}

static void
test_number_heads (void)
{
  g_autoptr (GBytes) data = codec_hex ("cf 8000000000000000 cf ffffffffffffffff ca 40100000 cb 4002000000000000 c2 c3");
  const guint8 *p = g_bytes_get_data (data, NULL);
  ChanMsgpackItem item;

  g_assert_true (chan_msgpack_item_read (&item, p, 9));
  g_assert_cmpint (item.type, ==, CHAN_MSGPACK_UINT);
  g_assert_cmpuint (item.u, ==, (guint64) 1 << 63);
  g_assert_true (chan_msgpack_item_read (&item, p + 9, 9));
  g_assert_cmpuint (item.u, ==, G_MAXUINT64);
  g_assert_true (chan_msgpack_item_read (&item, p + 18, 5));
  g_assert_cmpfloat (item.d, ==, 2.25);
  g_assert_true (chan_msgpack_item_read (&item, p + 23, 9));
  g_assert_cmpfloat (item.d, ==, 2.25);
  g_assert_true (chan_msgpack_item_read (&item, p + 32, 1));
  g_assert_cmpuint (item.u, ==, 0);
  g_assert_true (chan_msgpack_item_read (&item, p + 33, 1));
  g_assert_cmpuint (item.u, ==, 1);
}

static ChanMsgpackResult
scan (ChanMsgpackReader *reader, const char *hex, ChanSpdyDialect dialect)
{
  g_autoptr (GBytes) data = codec_hex (hex);

  chan_msgpack_reader_init (reader, dialect, &chan_limits_default);
  return chan_msgpack_reader_scan (reader, g_bytes_get_data (data, NULL), g_bytes_get_size (data));
}

static void
test_stops_at_the_end_of_the_value (void)
{
  ChanMsgpackReader reader;

  g_assert_cmpint (scan (&reader, "82 a1 61 93 01 02 90 a1 62 c0 c1 c1", CHAN_SPDY_DIALECT_GEN2), ==, CHAN_MSGPACK_DONE);
  g_assert_cmpuint (reader.pos, ==, 10);
  g_assert_cmpuint (reader.nodes, ==, 8);
  chan_msgpack_reader_clear (&reader);
}

static void
test_says_what_it_needs (void)
{
  g_autoptr (GBytes) data = codec_hex ("92 c5 0003 010203 a2 6162");
  static const gsize need[] = { 1, 2, 4, 4, 7, 7, 7, 8, 10, 10 };
  ChanMsgpackReader reader;

  chan_msgpack_reader_init (&reader, CHAN_SPDY_DIALECT_GEN2, &chan_limits_default);
  for (gsize len = 0; len < g_bytes_get_size (data); len++)
    {
      g_autofree guint8 *part = g_malloc (MAX (len, 1));

      memcpy (part, g_bytes_get_data (data, NULL), len);
      g_assert_cmpint (chan_msgpack_reader_scan (&reader, part, len), ==, CHAN_MSGPACK_MORE);
      g_assert_cmpuint (reader.need, ==, need[len]);
    }
  g_assert_cmpint (chan_msgpack_reader_scan (&reader, g_bytes_get_data (data, NULL), 10), ==, CHAN_MSGPACK_DONE);
  chan_msgpack_reader_clear (&reader);
}

static void
test_handles_in_order (void)
{
  ChanMsgpackReader reader;

  g_assert_cmpint (scan (&reader, "93 d6 04 00000009 81 a1 61 d7 01 0000000100000002 c9 00000004 05 00000003",
                         CHAN_SPDY_DIALECT_GEN2), ==, CHAN_MSGPACK_DONE);
  g_assert_cmpuint (reader.n_handles, ==, 3);
  g_assert_cmpint (reader.handles[0].kind, ==, CHAN_WIRE_SENDER);
  g_assert_cmpuint (reader.handles[0].ref, ==, 9);
  g_assert_cmpint (reader.handles[1].kind, ==, CHAN_WIRE_BYTES_DUPLEX);
  g_assert_cmpuint (reader.handles[1].ref, ==, 0x100000002);
  g_assert_cmpint (reader.handles[2].kind, ==, CHAN_WIRE_RECEIVER);
  g_assert_cmpuint (reader.handles[2].ref, ==, 3);
  chan_msgpack_reader_clear (&reader);

  /* generation 1: ext 1 has a direction, ext 2 is a byte stream */
  g_assert_cmpint (scan (&reader, "93 c7 05 01 02 00000009 c7 05 01 01 00000007 d6 02 00000003",
                         CHAN_SPDY_DIALECT_GEN1), ==, CHAN_MSGPACK_DONE);
  g_assert_cmpuint (reader.n_handles, ==, 3);
  g_assert_cmpint (reader.handles[0].kind, ==, CHAN_WIRE_SENDER);
  g_assert_cmpuint (reader.handles[0].ref, ==, 9);
  g_assert_cmpint (reader.handles[1].kind, ==, CHAN_WIRE_RECEIVER);
  g_assert_cmpint (reader.handles[2].kind, ==, CHAN_WIRE_BYTES_DUPLEX);
  chan_msgpack_reader_clear (&reader);
}

static void
test_error_is_sticky (void)
{
  ChanMsgpackReader reader;

  g_assert_cmpint (scan (&reader, "92 c1", CHAN_SPDY_DIALECT_GEN2), ==, CHAN_MSGPACK_ERROR);
  g_assert_cmpint (reader.error_code, ==, CHAN_CHANNEL_ERROR_PROTOCOL);
  g_assert_cmpint (chan_msgpack_reader_scan (&reader, (const guint8 *) "\x92\x01\x02", 3), ==, CHAN_MSGPACK_ERROR);
  g_assert_cmpint (reader.error_code, ==, CHAN_CHANNEL_ERROR_PROTOCOL);
  chan_msgpack_reader_clear (&reader);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/msgpack-reader/every-head-and-every-cut-of-it", test_heads);
  g_test_add_func ("/msgpack-reader/numbers", test_number_heads);
  g_test_add_func ("/msgpack-reader/stops-at-the-end-of-the-value", test_stops_at_the_end_of_the_value);
  g_test_add_func ("/msgpack-reader/says-what-it-needs", test_says_what_it_needs);
  g_test_add_func ("/msgpack-reader/handles-in-order-of-occurrence", test_handles_in_order);
  g_test_add_func ("/msgpack-reader/error-is-sticky", test_error_is_sticky);
  return g_test_run ();
}

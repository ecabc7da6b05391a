/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* msgpack as Go libchan writes it. */
#include "libchan-glib/wire/chan-msgpack-writer.h"
#include "libchan-glib/wire/chan-msgpack-item.h"

#include "codec-fixture.h"

static void
assert_written (GByteArray *out, const char *hex)
{
  g_autoptr (GBytes) expected = codec_hex (hex);

  g_assert_cmpmem (out->data, (int) out->len, g_bytes_get_data (expected, NULL), (int) g_bytes_get_size (expected));
  g_byte_array_set_size (out, 0);
}

static const struct
{
  gint64 value;
  const char *hex;
} integers[] = {
  { 0, "00" },
  { 127, "7f" },
  { 128, "d1 0080" },
  { 200, "d1 00c8" },
  { 255, "d1 00ff" },
  { 32767, "d1 7fff" },
  { 32768, "d2 00008000" },
  { G_MAXINT32, "d2 7fffffff" },
  { (gint64) G_MAXINT32 + 1, "d3 0000000080000000" },
  { G_MAXINT64, "d3 7fffffffffffffff" },
  { -1, "ff" },
  { -32, "e0" },
  { -33, "d0 df" },
  { -128, "d0 80" },
  { -129, "d1 ff7f" },
  { -32768, "d1 8000" },
  { -32769, "d2 ffff7fff" },
  { G_MININT32, "d2 80000000" },
  { (gint64) G_MININT32 - 1, "d3 ffffffff7fffffff" },
  { G_MININT64, "d3 8000000000000000" },
};

static void
test_integers (void)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (integers); i++)
    {
      chan_msgpack_write_int (out, integers[i].value);
      assert_written (out, integers[i].hex);
    }
  chan_msgpack_write_uint (out, 200);
  assert_written (out, "d1 00c8");
  chan_msgpack_write_uint (out, G_MAXINT64);
  assert_written (out, "d3 7fffffffffffffff");
  chan_msgpack_write_uint (out, (guint64) G_MAXINT64 + 1);
  assert_written (out, "cf 8000000000000000");
  chan_msgpack_write_uint (out, G_MAXUINT64);
  assert_written (out, "cf ffffffffffffffff");
}

static void
test_plain_values (void)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();

  chan_msgpack_write_nil (out);
  chan_msgpack_write_bool (out, FALSE);
  chan_msgpack_write_bool (out, TRUE);
  assert_written (out, "c0 c2 c3");
  chan_msgpack_write_double (out, 2.25);
  assert_written (out, "cb 4002000000000000");
  chan_msgpack_write_double (out, 0.0);
  chan_msgpack_write_double (out, -0.0);
  assert_written (out, "cb 0000000000000000 cb 8000000000000000");
}

/* A head, and how many bytes (or values) it says follow. */
static void
assert_head (GByteArray *out, const char *hex, ChanMsgpackType type, guint32 length)
{
  g_autoptr (GBytes) head = codec_hex (hex);
  ChanMsgpackItem item;

  g_assert_cmpmem (out->data, (int) MIN (out->len, g_bytes_get_size (head)),
                   g_bytes_get_data (head, NULL), (int) g_bytes_get_size (head));
  g_assert_true (chan_msgpack_item_read (&item, out->data, out->len));
  g_assert_cmpint (item.type, ==, type);
  g_assert_cmpuint (item.length, ==, length);
  g_byte_array_set_size (out, 0);
}

static void
test_lengths (void)
{
  static const struct
  {
    guint32 n;
    const char *str, *bin, *array, *map;
  } cases[] = {
    { 0, "a0", "c4 00", "90", "80" },
    { 15, "af", "c4 0f", "9f", "8f" },
    { 16, "b0", "c4 10", "dc 0010", "de 0010" },
    { 31, "bf", "c4 1f", "dc 001f", "de 001f" },
    { 32, "d9 20", "c4 20", "dc 0020", "de 0020" },
    { 255, "d9 ff", "c4 ff", "dc 00ff", "de 00ff" },
    { 256, "da 0100", "c5 0100", "dc 0100", "de 0100" },
    { 65535, "da ffff", "c5 ffff", "dc ffff", "de ffff" },
    { 65536, "db 00010000", "c6 00010000", "dd 00010000", "df 00010000" },
  };
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autofree char *text = g_strnfill (65536, 'x');

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      chan_msgpack_write_str (out, text, cases[i].n);
      assert_head (out, cases[i].str, CHAN_MSGPACK_STR, cases[i].n);
      chan_msgpack_write_bin (out, cases[i].n);
      assert_head (out, cases[i].bin, CHAN_MSGPACK_BIN, cases[i].n);
      chan_msgpack_write_array (out, cases[i].n);
      assert_head (out, cases[i].array, CHAN_MSGPACK_ARRAY, cases[i].n);
      chan_msgpack_write_map (out, cases[i].n);
      assert_head (out, cases[i].map, CHAN_MSGPACK_MAP, cases[i].n);
    }
}

static void
test_exts (void)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  guint8 data[17] = { 0, 0, 0, 3 };

  chan_msgpack_write_ext (out, 4, data, 4);
  assert_written (out, "d6 04 00000003");
  chan_msgpack_write_ext (out, 1, data, 1);
  assert_written (out, "d4 01 00");
  chan_msgpack_write_ext (out, 6, data, 12);
  assert_written (out, "c7 0c 06 00000003 00000000 00000000");
  chan_msgpack_write_ext (out, 1, data, 0);
  assert_written (out, "c7 00 01");
  chan_msgpack_write_ext (out, 9, data, 16);
  assert_head (out, "d8 09", CHAN_MSGPACK_EXT, 16);
  chan_msgpack_write_ext (out, 9, data, 17);
  assert_head (out, "c7 11 09", CHAN_MSGPACK_EXT, 17);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/msgpack-writer/integers-as-go-writes-them", test_integers);
  g_test_add_func ("/msgpack-writer/plain-values", test_plain_values);
  g_test_add_func ("/msgpack-writer/lengths-take-the-shortest-form", test_lengths);
  g_test_add_func ("/msgpack-writer/exts", test_exts);
  return g_test_run ();
}

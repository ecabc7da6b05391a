/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames to bytes and back, against bytes of the specification and of captures. */
#include "libchan-glib/wire/chan-spdy-frame.h"

#include "libchan-glib/wire/chan-bucket.h"

static char *
hex (const guint8 *data, const guint8 *end)
{
  GString *text = g_string_new (NULL);

  for (; data < end; data++)
    g_string_append_printf (text, "%02x", *data);
  return g_string_free (text, FALSE);
}

#define assert_packed(call, expected) G_STMT_START { \
    guint8 at[64]; \
    g_autofree char *text = hex (at, call); \
    g_assert_cmpstr (text, ==, expected); \
  } G_STMT_END

static void
test_pack (void)
{
  assert_packed (chan_spdy_pack_data (at, 1, 0, 0x31), "0000000100000031");
  assert_packed (chan_spdy_pack_data (at, 3, CHAN_SPDY_FLAG_FIN, 0), "0000000301000000");
  assert_packed (chan_spdy_pack_data (at, 0x7fffffff, 0, 0xffffff), "7fffffff00ffffff");
  assert_packed (chan_spdy_pack_syn_stream (at, 1, 0, 0x20), "800300010000002a00000001000000000000");
  assert_packed (chan_spdy_pack_syn_stream (at, 2, 1, 0x20), "800300010200002a00000002000000010000");
  assert_packed (chan_spdy_pack_syn_reply (at, 3, 0x1a), "800300020000001e00000003");
  assert_packed (chan_spdy_pack_pair (at, CHAN_SPDY_RST_STREAM, 5, 3), "80030003000000080000000500000003");
  assert_packed (chan_spdy_pack_pair (at, CHAN_SPDY_GOAWAY, 9, 0), "80030007000000080000000900000000");
  assert_packed (chan_spdy_pack_pair (at, CHAN_SPDY_WINDOW_UPDATE, 0, 65536), "80030009000000080000000000010000");
  assert_packed (chan_spdy_pack_pair (at, CHAN_SPDY_TAKEN, 1, 7), "80034c01000000080000000100000007");
  assert_packed (chan_spdy_pack_control (at, CHAN_SPDY_ABORT, 0, 12), "80034c020000000c");
  assert_packed (chan_spdy_pack_ping (at, 0xfffffffe), "8003000600000004fffffffe");
  assert_packed (chan_spdy_pack_settings (at, 0x10000, 1, 256),
                 "80030004000000140000000200000007000100"
                 "00004c433100000001");
  assert_packed (chan_spdy_pack_settings (at, 0x10000, 3, 256),
                 "800300040000001c0000000300000007000100"
                 "00004c433100000003004c433200000100");
}

static void
test_unpack (void)
{
  static const guint8 data[] = { 0x7f, 0xff, 0xff, 0xff, 0x01, 0xff, 0xff, 0xff };
  static const guint8 control[] = { 0x80, 0x03, 0x4c, 0x02, 0xfe, 0x01, 0x02, 0x03 };
  static const guint8 other[] = { 0x80, 0x02, 0x00, 0x06, 0x00, 0x00, 0x00, 0x04 };
  ChanSpdyHead head;

  chan_spdy_head_unpack (&head, data);
  g_assert_false (head.control);
  g_assert_cmpuint (head.stream_id, ==, 0x7fffffff);
  g_assert_cmpuint (head.flags, ==, 1);
  g_assert_cmpuint (head.length, ==, 0xffffff);
  chan_spdy_head_unpack (&head, control);
  g_assert_true (head.control);
  g_assert_cmpuint (head.version, ==, 3);
  g_assert_cmpuint (head.type, ==, CHAN_SPDY_ABORT);
  g_assert_cmpuint (head.flags, ==, 0xfe);
  g_assert_cmpuint (head.length, ==, 0x010203);
  chan_spdy_head_unpack (&head, other);
  g_assert_cmpuint (head.version, ==, 2);
  g_assert_cmpuint (head.type, ==, CHAN_SPDY_PING);
}

static void
test_settings (void)
{
  static const guint8 jschan[] = { 0, 0, 0, 1, 1, 0, 0, 7, 0, 0x10, 0, 0 };
  static const guint8 lie[] = { 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 7, 0, 0x10, 0, 0 };
  /* times 8 it is 8 in 32 bits */
  static const guint8 wrap[] = { 0x20, 0, 0, 1, 1, 0, 0, 7, 0, 0x10, 0, 0 };
  ChanSpdySetting setting;

  g_assert_cmpint (chan_spdy_settings_count (jschan, sizeof jschan), ==, 1);
  chan_spdy_settings_get (jschan, 0, &setting);
  g_assert_cmpuint (setting.id, ==, CHAN_SPDY_SETTING_INITIAL_WINDOW_SIZE);
  g_assert_cmpuint (setting.flags, ==, 1);
  g_assert_cmpuint (setting.value, ==, 1048576);
  g_assert_cmpint (chan_spdy_settings_count (lie, sizeof lie), ==, -1);
  g_assert_cmpint (chan_spdy_settings_count (wrap, sizeof wrap), ==, -1);
  for (gsize len = 0; len < sizeof jschan; len++)
    g_assert_cmpint (chan_spdy_settings_count (jschan, len), ==, -1);
}

static void
test_bucket (void)
{
  ChanBucket bucket = { 0 };

  for (guint i = 0; i < 10; i++)
    g_assert_true (chan_bucket_take (&bucket, 10, 4, 1000));
  g_assert_false (chan_bucket_take (&bucket, 10, 4, 1000));
  g_assert_false (chan_bucket_take (&bucket, 10, 4, 1000 + 249999));
  g_assert_true (chan_bucket_take (&bucket, 10, 4, 1000 + 250000));
  g_assert_false (chan_bucket_take (&bucket, 10, 4, 1000 + 250000));
  /* Time that stands still or goes back gives nothing. */
  g_assert_false (chan_bucket_take (&bucket, 10, 4, 0));
  for (guint i = 0; i < 10; i++)
    g_assert_true (chan_bucket_take (&bucket, 10, 4, G_MAXINT64));
  g_assert_false (chan_bucket_take (&bucket, 10, 4, G_MAXINT64));
}

static void
test_bucket_without_rate (void)
{
  ChanBucket bucket = { 0 };

  g_assert_true (chan_bucket_take (&bucket, 1, 0, 0));
  g_assert_false (chan_bucket_take (&bucket, 1, 0, G_MAXINT64));
  g_assert_false (chan_bucket_take (&bucket, 0, 0, G_MAXINT64));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spdy-frame/frames-are-written-as-in-the-specification", test_pack);
  g_test_add_func ("/spdy-frame/heads-are-read", test_unpack);
  g_test_add_func ("/spdy-frame/settings-count-must-be-true", test_settings);
  g_test_add_func ("/bucket/burst-then-rate", test_bucket);
  g_test_add_func ("/bucket/no-rate-never-refills", test_bucket_without_rate);
  return g_test_run ();
}

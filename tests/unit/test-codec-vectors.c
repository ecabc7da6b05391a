/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages captured from Go libchan: tests/vectors/messages/. */
#include <string.h>

#include "codec-fixture.h"

#define GEN2 CHAN_SPDY_DIALECT_GEN2

static char *
dup_handles (const ChanDecoded *decoded)
{
  GString *s = g_string_new ("handles");

  for (gsize i = 0; i < decoded->n_handles; i++)
    g_string_append_printf (s, " %d:%" G_GUINT64_FORMAT, (int) decoded->handles[i].kind, decoded->handles[i].ref);
  return g_string_free (s, FALSE);
}

/* What was read, written again, is what Go wrote, to the byte; and between two
 * of our own it keeps its value. */
static void
assert_survives (ChanDecoded *decoded, const guint8 *wire)
{
  static const ChanSpdyDialect dialects[] = { GEN2, CHAN_SPDY_DIALECT_GLIB };
  GVariant *value = chan_body_get_variant (decoded->body);

  for (gsize i = 0; i < G_N_ELEMENTS (dialects); i++)
    {
      g_autoptr (GBytes) data = codec_encode (dialects[i], value, decoded->handles, decoded->n_handles);
      g_autofree char *handles = dup_handles (decoded);
      g_autofree char *handles_back = NULL;
      ChanDecoded back;

      if (dialects[i] == GEN2)
        g_assert_cmpmem (g_bytes_get_data (data, NULL), (int) g_bytes_get_size (data), wire, (int) decoded->n_bytes);
      codec_decode (dialects[i], data, 3, &back);
      handles_back = dup_handles (&back);
      codec_assert_same (chan_body_get_variant (back.body), value);
      g_assert_cmpstr (handles_back, ==, handles);
      codec_decoded_clear (&back);
    }
}

static void
assert_message (ChanDecoded *decoded, const char *text, const char *handles)
{
  g_autoptr (GVariant) expected = codec_parse (NULL, text);
  g_autofree char *got = dup_handles (decoded);

  codec_assert_same (chan_body_get_variant (decoded->body), expected);
  g_assert_cmpstr (got, ==, handles);
}

/* Decodes the whole stream in pieces of `step`. */
static void
check_stream (const guint8 *wire, gsize len, char **lines, gsize step)
{
  ChanDecoder decoder = { 0 };
  gsize at = 0, begin = 0, consumed;

  while (at < len)
    {
      g_autoptr (GError) error = NULL;
      ChanDecoded decoded;
      ChanDecodeResult result = chan_decoder_feed (&decoder, GEN2, &chan_limits_default, wire + at,
                                                   MIN (step, len - at), &consumed, &decoded, &error);

      g_assert_no_error (error);
      at += consumed;
      if (result == CHAN_DECODE_MORE)
        continue;
      g_assert_cmpuint (decoded.n_bytes, ==, at - begin);
      g_assert_nonnull (lines[0]);
      assert_message (&decoded, lines[0], lines[1]);
      assert_survives (&decoded, wire + begin);
      codec_decoded_clear (&decoded);
      lines += 2;
      begin = at;
    }
  g_assert_cmpstr (lines[0], ==, "");
  g_assert_cmpuint (chan_decoder_held (&decoder), ==, 0);
}

static void
test_stream (gconstpointer data)
{
  const char *path = data;
  g_autofree char *text_path = g_strdup (path);
  g_autofree char *wire = NULL, *text = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) lines = NULL;
  gsize len;

  memcpy (text_path + strlen (text_path) - 3, "txt", 3);
  g_file_get_contents (path, &wire, &len, &error);
  g_assert_no_error (error);
  g_file_get_contents (text_path, &text, NULL, &error);
  g_assert_no_error (error);
  lines = g_strsplit (text, "\n", -1);

  check_stream ((const guint8 *) wire, len, lines, G_MAXSIZE);
  check_stream ((const guint8 *) wire, len, lines, 1);
  check_stream ((const guint8 *) wire, len, lines, 7);
}

int
main (int argc, char *argv[])
{
  g_autofree char *folder = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;
  guint n = 0;

  g_test_init (&argc, &argv, NULL);
  folder = g_test_build_filename (G_TEST_DIST, "vectors", "messages", NULL);
  dir = g_dir_open (folder, 0, &error);
  g_assert_no_error (error);
  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".bin"))
      {
        g_autofree char *test = g_strdup_printf ("/codec-vectors/%.*s", (int) strlen (name) - 4, name);

        g_test_add_data_func_full (test, g_build_filename (folder, name, NULL), test_stream, g_free);
        n++;
      }
  g_assert_cmpuint (n, >=, 26);
  return g_test_run ();
}

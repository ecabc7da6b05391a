/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "codec-fixture.h"

#include <string.h>
#include <sys/resource.h>

GBytes *
codec_hex (const char *text)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();

  for (const char *p = text; *p != '\0'; p++)
    {
      guint8 byte;

      if (*p == ' ')
        continue;
      g_assert_true (g_ascii_isxdigit (p[0]) && g_ascii_isxdigit (p[1]));
      byte = (guint8) (g_ascii_xdigit_value (p[0]) << 4 | g_ascii_xdigit_value (p[1]));
      g_byte_array_append (out, &byte, 1);
      p++;
    }
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

GVariant *
codec_parse (const char *type, const char *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = g_variant_parse (type != NULL ? G_VARIANT_TYPE (type) : NULL, text, NULL, NULL, &error);

  g_assert_no_error (error);
  return value;
}

static GBytes *
join (const ChanEncoded *encoded)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();

  for (gsize i = 0; i < encoded->n_segments; i++)
    g_byte_array_append (out, encoded->segments[i].data, (guint) encoded->segments[i].len);
  g_assert_cmpuint (out->len, ==, encoded->n_bytes);
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

GBytes *
codec_encode (ChanSpdyDialect dialect, GVariant *value, const ChanWireHandle *handles, gsize n_handles)
{
  g_autoptr (ChanBody) body = chan_body_new_variant (value);
  g_autoptr (GError) error = NULL;
  ChanEncoded encoded = { 0 };
  GBytes *bytes;

  chan_codec_encode (dialect, body, handles, n_handles, &chan_limits_default, &encoded, &error);
  g_assert_no_error (error);
  bytes = join (&encoded);
  chan_encoded_clear (&encoded);
  return bytes;
}

void
codec_encode_fails (ChanSpdyDialect dialect, GVariant *value, const ChanWireHandle *handles, gsize n_handles,
                    const ChanLimits *limits, ChanChannelError code)
{
  g_autoptr (ChanBody) body = chan_body_new_variant (value);
  g_autoptr (GError) error = NULL;
  ChanEncoded encoded = { 0 };

  g_assert_false (chan_codec_encode (dialect, body, handles, n_handles, limits, &encoded, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, (int) code);
  g_assert_cmpuint (encoded.n_segments, ==, 0);
  g_assert_cmpuint (encoded.n_bytes, ==, 0);
  chan_encoded_clear (&encoded);
}

void
codec_decoded_clear (ChanDecoded *self)
{
  g_clear_pointer (&self->body, chan_body_unref);
  g_clear_pointer (&self->handles, g_free);
  self->n_handles = 0;
}

/* Each piece in memory of its own, so that a read beyond it is seen by valgrind and ASan. */
static ChanDecodeResult
feed (ChanDecoder *decoder, ChanSpdyDialect dialect, const ChanLimits *limits, const guint8 *data, gsize len,
      gsize *consumed, ChanDecoded *ret, GError **error)
{
  g_autofree guint8 *copy = g_memdup2 (data, len);
  ChanDecodeResult result = chan_decoder_feed (decoder, dialect, limits, copy, len, consumed, ret, error);

  g_assert_cmpuint (*consumed, <=, len);
  if (result == CHAN_DECODE_MORE)
    g_assert_cmpuint (*consumed, ==, len);
  return result;
}

void
codec_decode (ChanSpdyDialect dialect, GBytes *data, gsize step, ChanDecoded *ret)
{
  ChanDecodeResult result = CHAN_DECODE_MORE;
  ChanDecoder decoder = { 0 };
  g_autoptr (GError) error = NULL;
  gsize len, at = 0, consumed = 0;
  const guint8 *bytes = g_bytes_get_data (data, &len);

  memset (ret, 0, sizeof *ret);
  while (at < len && result == CHAN_DECODE_MORE)
    {
      g_assert_cmpuint (chan_decoder_held (&decoder), ==, at);
      result = feed (&decoder, dialect, &chan_limits_default, bytes + at, MIN (step, len - at), &consumed, ret, &error);
      g_assert_no_error (error);
      at += consumed;
    }
  g_assert_cmpint (result, ==, CHAN_DECODE_MESSAGE);
  g_assert_cmpuint (at, ==, len);
  g_assert_cmpuint (ret->n_bytes, ==, len);
  g_assert_null (decoder.state);
  g_assert_cmpuint (chan_decoder_held (&decoder), ==, 0);
}

GVariant *
codec_decode_variant (ChanSpdyDialect dialect, GBytes *data)
{
  ChanDecoded decoded;
  GVariant *value;

  codec_decode (dialect, data, G_MAXSIZE, &decoded);
  value = g_variant_ref (chan_body_get_variant (decoded.body));
  codec_decoded_clear (&decoded);
  return value;
}

static void
decode_fails_in_steps (ChanSpdyDialect dialect, GBytes *data, gsize step, const ChanLimits *limits, ChanChannelError code)
{
  ChanDecodeResult result = CHAN_DECODE_MORE;
  ChanDecoder decoder = { 0 };
  g_autoptr (GError) error = NULL, again = NULL;
  ChanDecoded decoded = { 0 };
  gsize len, at = 0, consumed = 0;
  const guint8 *bytes = g_bytes_get_data (data, &len);

  while (at < len && result == CHAN_DECODE_MORE)
    {
      result = feed (&decoder, dialect, limits, bytes + at, MIN (step, len - at), &consumed, &decoded, &error);
      at += consumed;
    }
  g_assert_cmpint (result, ==, CHAN_DECODE_ERROR);
  g_assert_error (error, CHAN_CHANNEL_ERROR, (int) code);
  g_assert_null (decoder.state);
  g_assert_null (decoded.body);

  /* sticky: a good message does not bring it back */
  result = feed (&decoder, dialect, limits, (const guint8 *) "\xc0", 1, &consumed, &decoded, &again);
  g_assert_cmpint (result, ==, CHAN_DECODE_ERROR);
  g_assert_error (again, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL);
}

void
codec_decode_fails (ChanSpdyDialect dialect, GBytes *data, const ChanLimits *limits, ChanChannelError code)
{
  decode_fails_in_steps (dialect, data, G_MAXSIZE, limits, code);
  decode_fails_in_steps (dialect, data, 1, limits, code);
}

void
codec_assert_bytes (GBytes *a, GBytes *b)
{
  g_assert_cmpmem (g_bytes_get_data (a, NULL), (int) g_bytes_get_size (a),
                   g_bytes_get_data (b, NULL), (int) g_bytes_get_size (b));
}

void
codec_assert_same (GVariant *a, GVariant *b)
{
  g_autoptr (GBytes) bytes_a = g_variant_get_data_as_bytes (a);
  g_autoptr (GBytes) bytes_b = g_variant_get_data_as_bytes (b);

  g_assert_cmpstr (g_variant_get_type_string (a), ==, g_variant_get_type_string (b));
  /* both are in normal form, so equal values have equal bytes */
  codec_assert_bytes (bytes_a, bytes_b);
}

gsize
codec_peak_memory (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (gsize) usage.ru_maxrss * 1024;
}

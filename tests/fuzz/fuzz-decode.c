/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-decode.h"

#include <string.h>

/* One attempt at one message. */
typedef struct
{
  ChanDecodeResult result;
  ChanDecoded decoded;
  gsize consumed;
  int code;
} Outcome;

static void
outcome_clear (Outcome *self)
{
  if (self->result == CHAN_DECODE_MESSAGE)
    {
      chan_body_unref (self->decoded.body);
      g_free (self->decoded.handles);
    }
}

/* Each piece is in memory of its own, so that a read beyond it is seen. */
static void
decode (Outcome *ret, ChanSpdyDialect dialect, const guint8 *data, gsize len, gsize step)
{
  g_autoptr (GError) error = NULL;
  ChanDecoder decoder = { 0 };
  gsize consumed;

  memset (ret, 0, sizeof *ret);
  do
    {
      gsize n = MIN (step, len - ret->consumed);
      g_autofree guint8 *piece = g_memdup2 (data + ret->consumed, n);

      ret->result = chan_decoder_feed (&decoder, dialect, &chan_limits_default, piece, n,
                                       &consumed, &ret->decoded, &error);
      ret->consumed += consumed;
    }
  while (ret->result == CHAN_DECODE_MORE && ret->consumed < len);
  g_assert ((ret->result == CHAN_DECODE_ERROR) == (error != NULL));
  if (ret->result == CHAN_DECODE_MORE)
    g_assert (chan_decoder_held (&decoder) == len);
  ret->code = error != NULL ? error->code : 0;
  chan_decoder_clear (&decoder);
}

static void
assert_equal (const Outcome *a, const Outcome *b)
{
  g_autoptr (GBytes) data_a = NULL, data_b = NULL;
  GVariant *va, *vb;

  g_assert (a->result == b->result);
  g_assert (a->code == b->code);
  if (a->result != CHAN_DECODE_MESSAGE)
    return;
  va = chan_body_get_variant (a->decoded.body);
  vb = chan_body_get_variant (b->decoded.body);
  g_assert (g_variant_type_equal (g_variant_get_type (va), g_variant_get_type (vb)));
  data_a = g_variant_get_data_as_bytes (va);
  data_b = g_variant_get_data_as_bytes (vb);
  g_assert (g_bytes_equal (data_a, data_b));
  g_assert (a->decoded.n_handles == b->decoded.n_handles);
  for (gsize i = 0; i < a->decoded.n_handles; i++)
    {
      g_assert (a->decoded.handles[i].kind == b->decoded.handles[i].kind);
      g_assert (a->decoded.handles[i].ref == b->decoded.handles[i].ref);
    }
}

static void
assert_normal (GVariant *value)
{
  g_autoptr (GBytes) data = g_variant_get_data_as_bytes (value);
  g_autoptr (GVariant) untrusted = g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (value), data, FALSE));

  g_assert (g_variant_is_normal_form (untrusted));
}

static void
assert_encodes (ChanSpdyDialect dialect, const Outcome *outcome)
{
  g_autoptr (GByteArray) wire = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  ChanEncoded encoded = { 0 };
  Outcome back;

  chan_codec_encode (dialect, outcome->decoded.body, outcome->decoded.handles, outcome->decoded.n_handles,
                     &chan_limits_default, &encoded, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < encoded.n_segments; i++)
    g_byte_array_append (wire, encoded.segments[i].data, (guint) encoded.segments[i].len);
  chan_encoded_clear (&encoded);
  decode (&back, dialect, wire->data, wire->len, G_MAXSIZE);
  g_assert (back.consumed == wire->len);
  assert_equal (outcome, &back);
  outcome_clear (&back);
}

void
fuzz_decode (ChanSpdyDialect dialect, const guint8 *data, gsize len, gsize step)
{
  Outcome whole, pieces;
  gboolean is_over = FALSE;

  /* each message looks at all that follows it, so not too many */
  for (int n = 0; n < 8 && len > 0 && !is_over; n++)
    {
      decode (&whole, dialect, data, len, G_MAXSIZE);
      decode (&pieces, dialect, data, len, step);
      assert_equal (&whole, &pieces);
      is_over = whole.result != CHAN_DECODE_MESSAGE;
      if (!is_over)
        {
          g_assert (whole.consumed == pieces.consumed);
          g_assert (whole.decoded.n_bytes == whole.consumed);
          assert_normal (chan_body_get_variant (whole.decoded.body));
          assert_encodes (dialect, &whole);
          data += whole.consumed;
          len -= whole.consumed;
        }
      outcome_clear (&whole);
      outcome_clear (&pieces);
    }
}

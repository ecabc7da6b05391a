/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-codec.h"

#include <string.h>

#include <libchan-glib/chan-error.h>

#include "chan-body-private.h"
#include "chan-codec-glib.h"
#include "chan-msgpack-from-variant.h"
#include "chan-msgpack-writer.h"
#include "chan-variant-check.h"

/* From this size on a body is lent, not copied: a segment of its own costs
 * about as much as copying this. */
#define BY_REFERENCE 16384
/* A scratch that one large message has blown up is not kept. */
#define SCRATCH_KEPT 65536

void
chan_encoded_clear (ChanEncoded *self)
{
  g_clear_pointer (&self->scratch, g_byte_array_unref);
  g_clear_pointer (&self->owner, g_bytes_unref);
  self->n_segments = 0;
  self->n_bytes = 0;
}

static void
begin (ChanEncoded *out)
{
  if (out->owner != NULL)
    g_clear_pointer (&out->owner, g_bytes_unref);
  if (out->scratch != NULL && out->scratch->len > SCRATCH_KEPT)
    g_clear_pointer (&out->scratch, g_byte_array_unref);
  if (out->scratch == NULL)
    out->scratch = g_byte_array_sized_new (512);
  out->n_segments = 0;
  out->n_bytes = 0;
}

/* Room for `len` bytes. The scratch is not made shorter from message to message. */
static guint8 *
reserve (ChanEncoded *out, gsize len)
{
  if (out->scratch->len < len)
    g_byte_array_set_size (out->scratch, (guint) len);
  return out->scratch->data;
}

static void
add_segment (ChanEncoded *out, const guint8 *data, gsize len, GBytes *owner)
{
  ChanSpdySegment *segment = &out->segments[out->n_segments++];

  segment->data = data;
  segment->len = len;
  segment->owner = owner;
  out->n_bytes += len;
}

static gboolean
fail (GError **error, ChanChannelError code, const char *text)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, (int) code, text);
  return FALSE;
}

/* --- GLIB ---------------------------------------------------------------- */

/* A body as the GLIB dialect sees it. */
typedef struct
{
  ChanBody *body;
  const char *type;
  gsize type_len;
  const guint8 *data; /* NULL: serialise `variant` */
  GVariant *variant;
  gsize len;
} GlibBody;

static void
look (GlibBody *self, ChanBody *body)
{
  ChanBodyForm form = chan_body_get_form (body);
  gboolean is_plain = form == CHAN_BODY_BYTES || (form == CHAN_BODY_SERIALISED && G_BYTE_ORDER == G_LITTLE_ENDIAN);

  self->body = body;
  self->variant = NULL;
  if (is_plain)
    {
      self->type = form == CHAN_BODY_BYTES ? "ay" : chan_body_peek_type (body);
      self->data = chan_body_peek_data (body, &self->len);
    }
  else
    {
      self->data = NULL;
      self->variant = chan_body_get_variant (body);
      self->type = g_variant_get_type_string (self->variant);
      self->len = g_variant_get_size (self->variant);
    }
  self->type_len = strlen (self->type);
}

static void
write_body (GlibBody *self, guint8 *to)
{
  if (self->data != NULL)
    memcpy (to, self->data, self->len);
  else if (self->variant != NULL && G_BYTE_ORDER == G_LITTLE_ENDIAN)
    g_variant_store (self->variant, to);
  else if (self->variant != NULL)
    {
      g_autoptr (GVariant) swapped = g_variant_byteswap (self->variant);

      g_variant_store (swapped, to);
    }
}

static GBytes *
share_body (GlibBody *self)
{
  g_autoptr (GVariant) swapped = NULL;

  if (self->data != NULL)
    return chan_body_dup_data (self->body);
  if (G_BYTE_ORDER == G_LITTLE_ENDIAN)
    return g_variant_get_data_as_bytes (self->variant);
  swapped = g_variant_byteswap (self->variant);
  return g_variant_get_data_as_bytes (swapped);
}

static gboolean
check_glib (const GlibBody *body, gsize n_handles, const ChanLimits *limits, GError **error)
{
  gsize head_max = 6 + 3 + body->type_len + n_handles * CHAN_GLIB_HANDLE_SIZE;

  if (body->type_len > G_MAXUINT8)
    return fail (error, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "The message's type is too long");
  if (n_handles > MIN (limits->message_handles, G_MAXUINT8))
    return fail (error, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "The message has too many handles");
  if (body->len > limits->message_bytes || head_max > limits->message_bytes - body->len)
    return fail (error, CHAN_CHANNEL_ERROR_TOO_LARGE, "The message is too large");
  return TRUE;
}

/* What the peer would refuse is refused here. Bodies that came over a wire were
 * checked then; `ay` has nothing to check. */
static gboolean
check_body (const GlibBody *body, const guint8 *data, gsize n_handles, const ChanLimits *limits, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (body->data != NULL || strcmp (body->type, "ay") == 0 ||
      chan_variant_check (body->type, data, body->len, n_handles, limits, &local))
    return TRUE;
  if (local->code == CHAN_CHANNEL_ERROR_PROTOCOL) /* a handle that is not there */
    local->code = CHAN_CHANNEL_ERROR_UNSUPPORTED;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
encode_glib (ChanBody *source, const ChanWireHandle *handles, gsize n_handles, const ChanLimits *limits,
             ChanEncoded *out, GError **error)
{
  gsize head_len, pad;
  guint8 *to;
  GlibBody body;

  look (&body, source);
  if (!check_glib (&body, n_handles, limits, error))
    return FALSE;

  if (body.len >= BY_REFERENCE)
    {
      to = reserve (out, CHAN_GLIB_HEAD_MAX);
      head_len = chan_glib_head_write (to, body.type, body.type_len, handles, n_handles, body.len);
      out->owner = share_body (&body);
      if (!check_body (&body, g_bytes_get_data (out->owner, NULL), n_handles, limits, error))
        return FALSE;
      add_segment (out, to, head_len, NULL);
      add_segment (out, g_bytes_get_data (out->owner, NULL), body.len, out->owner);
      return TRUE;
    }
  /* the body begins aligned, as g_variant_store() wants it */
  head_len = chan_glib_head_length (body.type_len, n_handles, body.len);
  pad = -head_len & 7;
  to = reserve (out, pad + head_len + body.len) + pad;
  chan_glib_head_write (to, body.type, body.type_len, handles, n_handles, body.len);
  write_body (&body, to + head_len);
  if (!check_body (&body, to + head_len, n_handles, limits, error))
    return FALSE;
  add_segment (out, to, head_len + body.len, NULL);
  return TRUE;
}

/* --- generations 1 and 2 ------------------------------------------------- */

/* A large bin: its head is copied, its bytes are lent. */
static gboolean
encode_large_bin (ChanBody *body, const ChanLimits *limits, ChanEncoded *out, GError **error)
{
  gsize len;

  out->owner = g_bytes_ref (chan_body_get_bytes (body));
  len = g_bytes_get_size (out->owner);
  if (len > limits->message_bytes || limits->message_bytes - len < 5)
    return fail (error, CHAN_CHANNEL_ERROR_TOO_LARGE, "The message is too large");
  chan_msgpack_write_bin (out->scratch, (guint32) len);
  add_segment (out, out->scratch->data, out->scratch->len, NULL);
  add_segment (out, g_bytes_get_data (out->owner, NULL), len, out->owner);
  return TRUE;
}

static gboolean
encode_msgpack (ChanSpdyDialect dialect, ChanBody *body, const ChanWireHandle *handles, gsize n_handles,
                const ChanLimits *limits, ChanEncoded *out, GError **error)
{
  g_byte_array_set_size (out->scratch, 0);
  if (n_handles > limits->message_handles)
    return fail (error, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "The message has too many handles");
  if (n_handles == 0 && chan_body_get_size (body) >= BY_REFERENCE && chan_body_get_bytes (body) != NULL)
    return encode_large_bin (body, limits, out, error);
  if (!chan_msgpack_from_variant (chan_body_get_variant (body), dialect, handles, n_handles, limits,
                                  out->scratch, error))
    return FALSE;
  add_segment (out, out->scratch->data, out->scratch->len, NULL);
  return TRUE;
}

gboolean
chan_codec_encode (ChanSpdyDialect dialect, ChanBody *body, const ChanWireHandle *handles, gsize n_handles,
                   const ChanLimits *limits, ChanEncoded *out, GError **error)
{
  gboolean encoded;

  begin (out);
  if (dialect == CHAN_SPDY_DIALECT_GLIB)
    encoded = encode_glib (body, handles, n_handles, limits, out, error);
  else
    encoded = encode_msgpack (dialect, body, handles, n_handles, limits, out, error);
  if (!encoded)
    begin (out);
  return encoded;
}

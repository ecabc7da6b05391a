/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-codec.h"

#include <string.h>

#include <libchan-glib/chan-error.h>

#include "chan-body-private.h"
#include "chan-codec-glib.h"
#include "chan-msgpack-reader.h"
#include "chan-variant-check.h"

/* How much is gathered beyond what a scan asks for, so that small values do
 * not come one by one; what belongs to the next message is given back. */
#define GATHER_STEP 4096

/* A message of which a part has arrived. */
struct _ChanDecoderState
{
  ChanBodyBlock *block; /* GLIB: the body's bytes; others: all bytes of the message */
  gsize held;           /* in the block */
  gsize capacity;
  gsize wanted;         /* GLIB: the body's size once the head is complete */
  gboolean has_head;    /* GLIB */
  ChanGlibHead head;    /* points into `bytes` */
  gsize head_held;
  ChanMsgpackReader *reader; /* GEN1, GEN2 */
  guint8 bytes[];       /* GLIB: the head, CHAN_GLIB_HEAD_MAX */
};

static void
state_free (struct _ChanDecoderState *state)
{
  if (state->block != NULL)
    chan_body_block_free (state->block);
  if (state->reader != NULL)
    {
      chan_msgpack_reader_clear (state->reader);
      g_free (state->reader);
    }
  g_free (state);
}

void
chan_decoder_clear (ChanDecoder *self)
{
  g_clear_pointer (&self->state, state_free);
}

gsize
chan_decoder_held (const ChanDecoder *self)
{
  return self->state != NULL ? self->state->held + self->state->head_held : 0;
}

/* Appends to the block, which grows with what has arrived, to `most` at last. */
static void
gather (struct _ChanDecoderState *state, const guint8 *data, gsize len, gsize most)
{
  if (state->block == NULL || len > state->capacity - state->held)
    {
      gsize capacity = MAX (2 * state->capacity, state->held + len);

      state->capacity = MAX (MIN (capacity, most), state->held + len);
      state->block = chan_body_block_resize (state->block, state->capacity);
    }
  memcpy (chan_body_block_data (state->block) + state->held, data, len);
  state->held += len;
}

/* --- GLIB ---------------------------------------------------------------- */

/* What is kept is in host byte order. */
static ChanBody *
wrap_body (ChanBodyBlock *block, const ChanGlibHead *head, gboolean is_bytes)
{
  ChanBody *body = chan_body_block_finish (block, is_bytes ? CHAN_BODY_BYTES : CHAN_BODY_SERIALISED,
                                           head->body_len, head->type, head->type_len);

  if (G_BYTE_ORDER == G_BIG_ENDIAN && !is_bytes)
    {
      g_autoptr (ChanBody) little = body;
      g_autoptr (GVariant) swapped = g_variant_byteswap (chan_body_get_variant (little));

      return chan_body_new_variant (swapped);
    }
  return body;
}

static ChanDecodeResult
finish_glib (ChanBodyBlock *block, const ChanGlibHead *head, const ChanLimits *limits, ChanDecoded *ret, GError **error)
{
  gboolean is_bytes = head->type_len == 2 && head->type[0] == 'a' && head->type[1] == 'y';

  if (!is_bytes &&
      !chan_variant_check (head->type, chan_body_block_data (block), head->body_len, head->n_handles, limits, error))
    {
      chan_body_block_free (block);
      return CHAN_DECODE_ERROR;
    }
  ret->body = wrap_body (block, head, is_bytes);
  ret->handles = chan_glib_head_dup_handles (head);
  ret->n_handles = head->n_handles;
  ret->n_bytes = head->head_len + head->body_len;
  return CHAN_DECODE_MESSAGE;
}

/* The head is complete in state->bytes: the rest of what was lent is body. */
static ChanDecodeResult
feed_glib_body (struct _ChanDecoderState *state, const ChanLimits *limits, const guint8 *data, gsize len,
                gsize *consumed, ChanDecoded *ret, GError **error)
{
  gsize take = MIN (len, state->head.body_len - state->held);

  if (take > 0 || state->block == NULL)
    gather (state, data, take, state->head.body_len);
  *consumed += take;
  if (state->held < state->head.body_len)
    return CHAN_DECODE_MORE;
  return finish_glib (g_steal_pointer (&state->block), &state->head, limits, ret, error);
}

static ChanDecodeResult
feed_glib (ChanDecoder *self, const ChanLimits *limits, const guint8 *data, gsize len,
           gsize *consumed, ChanDecoded *ret, GError **error)
{
  struct _ChanDecoderState *state = self->state;

  if (state == NULL)
    {
      state = g_malloc0 (sizeof *state + CHAN_GLIB_HEAD_MAX);
      self->state = state;
    }
  while (!state->has_head)
    {
      gsize need = 0, take;
      ChanGlibHeadResult result = chan_glib_head_read (&state->head, state->bytes, state->head_held, limits, &need, error);

      if (result == CHAN_GLIB_HEAD_ERROR)
        return CHAN_DECODE_ERROR;
      if (result == CHAN_GLIB_HEAD_DONE)
        {
          state->has_head = TRUE;
          break;
        }
      if (*consumed == len)
        return CHAN_DECODE_MORE;
      take = MIN (need - state->head_held, len - *consumed);
      memcpy (state->bytes + state->head_held, data + *consumed, take);
      state->head_held += take;
      *consumed += take;
    }
  return feed_glib_body (state, limits, data + *consumed, len - *consumed, consumed, ret, error);
}

/* The message is whole in what was lent: one copy, into its own memory. */
static ChanDecodeResult
decode_glib (ChanDecoder *self, const ChanLimits *limits, const guint8 *data, gsize len,
             gsize *consumed, ChanDecoded *ret, GError **error)
{
  ChanGlibHead head;
  gsize need;
  ChanGlibHeadResult result = chan_glib_head_read (&head, data, len, limits, &need, error);
  ChanBodyBlock *block;

  if (result == CHAN_GLIB_HEAD_ERROR)
    return CHAN_DECODE_ERROR;
  if (result == CHAN_GLIB_HEAD_MORE || head.body_len > len - head.head_len)
    return feed_glib (self, limits, data, len, consumed, ret, error);

  block = chan_body_block_resize (NULL, head.body_len);
  memcpy (chan_body_block_data (block), data + head.head_len, head.body_len);
  *consumed = head.head_len + head.body_len;
  return finish_glib (block, &head, limits, ret, error);
}

/* --- generations 1 and 2 ------------------------------------------------- */

static ChanDecodeResult
fail_reader (const ChanMsgpackReader *reader, GError **error)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, reader->error_code, reader->error_text);
  return CHAN_DECODE_ERROR;
}

static void
finish_msgpack (ChanMsgpackReader *reader, ChanBodyBlock *block, ChanDecoded *ret)
{
  ret->body = chan_body_block_finish (block, CHAN_BODY_MSGPACK, reader->pos, NULL, 0);
  ret->n_handles = reader->n_handles;
  ret->handles = g_steal_pointer (&reader->handles);
  ret->n_bytes = reader->pos;
}

static ChanDecodeResult
feed_msgpack (ChanDecoder *self, const ChanLimits *limits, const guint8 *data, gsize len,
              gsize *consumed, ChanDecoded *ret, GError **error)
{
  struct _ChanDecoderState *state = self->state;
  ChanMsgpackReader *reader = state->reader;
  ChanMsgpackResult result = CHAN_MSGPACK_MORE;

  while (result == CHAN_MSGPACK_MORE && *consumed < len)
    {
      gsize take = MIN (MAX (reader->need - state->held, GATHER_STEP), len - *consumed);

      gather (state, data + *consumed, take, limits->message_bytes);
      *consumed += take;
      if (state->held >= reader->need)
        result = chan_msgpack_reader_scan (reader, chan_body_block_data (state->block), state->held);
    }
  if (result == CHAN_MSGPACK_MORE)
    return CHAN_DECODE_MORE;
  if (result == CHAN_MSGPACK_ERROR)
    return fail_reader (reader, error);
  *consumed -= state->held - reader->pos;
  state->block = chan_body_block_resize (state->block, reader->pos);
  finish_msgpack (reader, g_steal_pointer (&state->block), ret);
  return CHAN_DECODE_MESSAGE;
}

static ChanDecodeResult
decode_msgpack (ChanDecoder *self, ChanSpdyDialect dialect, const ChanLimits *limits, const guint8 *data, gsize len,
                gsize *consumed, ChanDecoded *ret, GError **error)
{
  ChanMsgpackReader reader;
  ChanMsgpackResult result;
  ChanBodyBlock *block;

  chan_msgpack_reader_init (&reader, dialect, limits);
  result = chan_msgpack_reader_scan (&reader, data, len);
  if (result == CHAN_MSGPACK_MORE)
    {
      self->state = g_new0 (struct _ChanDecoderState, 1);
      self->state->reader = g_memdup2 (&reader, sizeof reader);
      gather (self->state, data, len, limits->message_bytes);
      *consumed = len;
      return CHAN_DECODE_MORE;
    }
  if (result == CHAN_MSGPACK_DONE)
    {
      block = chan_body_block_resize (NULL, reader.pos);
      memcpy (chan_body_block_data (block), data, reader.pos);
      *consumed = reader.pos;
      finish_msgpack (&reader, block, ret);
    }
  else
    fail_reader (&reader, error);
  chan_msgpack_reader_clear (&reader);
  return result == CHAN_MSGPACK_DONE ? CHAN_DECODE_MESSAGE : CHAN_DECODE_ERROR;
}

/* ------------------------------------------------------------------------- */

ChanDecodeResult
chan_decoder_feed (ChanDecoder *self, ChanSpdyDialect dialect, const ChanLimits *limits,
                   const guint8 *data, gsize len, gsize *consumed, ChanDecoded *ret, GError **error)
{
  gboolean is_glib = dialect == CHAN_SPDY_DIALECT_GLIB;
  ChanDecodeResult result;

  *consumed = 0;
  if (self->failed)
    {
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, "An earlier message was malformed");
      return CHAN_DECODE_ERROR;
    }
  if (len == 0)
    return CHAN_DECODE_MORE;

  if (self->state == NULL)
    result = is_glib ? decode_glib (self, limits, data, len, consumed, ret, error)
                     : decode_msgpack (self, dialect, limits, data, len, consumed, ret, error);
  else
    result = is_glib ? feed_glib (self, limits, data, len, consumed, ret, error)
                     : feed_msgpack (self, limits, data, len, consumed, ret, error);
  if (result != CHAN_DECODE_MORE)
    chan_decoder_clear (self);
  self->failed = result == CHAN_DECODE_ERROR;
  return result;
}

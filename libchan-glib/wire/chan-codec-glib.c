/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-codec-glib.h"

#include <string.h>

#include <libchan-glib/chan-error.h>

#include "chan-msgpack-item.h"
#include "chan-variant-type.h"

static ChanGlibHeadResult
fail (GError **error, ChanChannelError code, const char *text)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, (int) code, text);
  return CHAN_GLIB_HEAD_ERROR;
}

static ChanGlibHeadResult
more (gsize *need, gsize bytes)
{
  *need = bytes;
  return CHAN_GLIB_HEAD_MORE;
}

static gboolean
check_kinds (const ChanGlibHead *head)
{
  for (guint i = 0; i < head->n_handles; i++)
    {
      guint8 kind = head->handles[i * CHAN_GLIB_HANDLE_SIZE];

      if (kind < CHAN_WIRE_BYTES_DUPLEX || kind > CHAN_WIRE_FD)
        return FALSE;
    }
  return TRUE;
}

/* The payload of the ext, of which data[at, len) has arrived and `end` is the end. */
static ChanGlibHeadResult
read_payload (ChanGlibHead *ret, const guint8 *data, gsize at, gsize len, gsize end,
              const ChanLimits *limits, gsize *need, GError **error)
{
  static const char too_short[] = "A message is shorter than its own head";

  if (end < at + 2)
    return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, too_short);
  if (len < at + 2)
    return more (need, at + 2);
  if (data[at] != CHAN_GLIB_VERSION)
    return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, "A message is of an unknown version");
  ret->type_len = data[at + 1];
  ret->type = (const char *) data + at + 2;
  at += 2 + ret->type_len;

  if (end < at + 1)
    return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, too_short);
  if (len < at + 1)
    return more (need, at + 1);
  if (!chan_variant_type_is_valid (ret->type, ret->type_len))
    return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, "A message has an invalid type");
  ret->n_handles = data[at];
  ret->handles = data + at + 1;
  if (ret->n_handles > limits->message_handles)
    return fail (error, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message has too many handles");
  at += 1 + (gsize) ret->n_handles * CHAN_GLIB_HANDLE_SIZE;

  if (end < at)
    return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, too_short);
  if (len < at)
    return more (need, at);
  if (!check_kinds (ret))
    return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, "A message has a handle of an unknown kind");
  ret->head_len = at;
  ret->body_len = end - at;
  return CHAN_GLIB_HEAD_DONE;
}

ChanGlibHeadResult
chan_glib_head_read (ChanGlibHead *ret, const guint8 *data, gsize len, const ChanLimits *limits,
                     gsize *need, GError **error)
{
  ChanMsgpackItem item;
  gsize end;

  if (!chan_msgpack_item_read (&item, data, len))
    {
      /* a byte that cannot begin a message fails at once, not when more comes */
      if (len > 0 && !((data[0] >= 0xc7 && data[0] <= 0xc9) || (data[0] >= 0xd4 && data[0] <= 0xd8)))
        return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, "A message is not in libchan-glib's form");
      return more (need, item.head);
    }
  if (item.type != CHAN_MSGPACK_EXT || item.ext != CHAN_GLIB_EXT)
    return fail (error, CHAN_CHANNEL_ERROR_PROTOCOL, "A message is not in libchan-glib's form");
  end = item.head + (gsize) item.length;
  if (end > limits->message_bytes)
    return fail (error, CHAN_CHANNEL_ERROR_TOO_LARGE, "A message is too large");
  return read_payload (ret, data, item.head, len, end, limits, need, error);
}

ChanWireHandle *
chan_glib_head_dup_handles (const ChanGlibHead *self)
{
  ChanWireHandle *handles;

  if (self->n_handles == 0)
    return NULL;
  handles = g_new (ChanWireHandle, self->n_handles);
  for (guint i = 0; i < self->n_handles; i++)
    {
      const guint8 *entry = self->handles + i * CHAN_GLIB_HANDLE_SIZE;

      handles[i].kind = (ChanWireKind) entry[0];
      memcpy (&handles[i].ref, entry + 1, sizeof handles[i].ref);
      handles[i].ref = GUINT64_FROM_BE (handles[i].ref);
    }
  return handles;
}

/* Of the ext's length field. */
static guint
length_width (gsize payload_len)
{
  return payload_len <= G_MAXUINT8 ? 1 : payload_len <= G_MAXUINT16 ? 2 : 4;
}

gsize
chan_glib_head_length (gsize type_len, gsize n_handles, gsize body_len)
{
  gsize rest = 3 + type_len + n_handles * CHAN_GLIB_HANDLE_SIZE;

  return 2 + length_width (rest + body_len) + rest;
}

static guint8 *
write_ext_head (guint8 *p, gsize payload_len)
{
  guint width = length_width (payload_len);

  *p++ = (guint8) (0xc7 + width / 2);
  for (guint shift = 8 * width; shift > 0; shift -= 8)
    *p++ = (guint8) (payload_len >> (shift - 8));
  *p++ = CHAN_GLIB_EXT;
  return p;
}

gsize
chan_glib_head_write (guint8 *data, const char *type, gsize type_len,
                      const ChanWireHandle *handles, gsize n_handles, gsize body_len)
{
  gsize payload_len = 3 + type_len + n_handles * CHAN_GLIB_HANDLE_SIZE + body_len;
  guint8 *p = write_ext_head (data, payload_len);

  *p++ = CHAN_GLIB_VERSION;
  *p++ = (guint8) type_len;
  memcpy (p, type, type_len);
  p += type_len;
  *p++ = (guint8) n_handles;
  for (gsize i = 0; i < n_handles; i++)
    {
      guint64 ref = GUINT64_TO_BE (handles[i].ref);

      *p++ = (guint8) handles[i].kind;
      memcpy (p, &ref, sizeof ref);
      p += sizeof ref;
    }
  return (gsize) (p - data);
}

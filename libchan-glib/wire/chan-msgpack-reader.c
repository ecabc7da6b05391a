/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-msgpack-reader.h"

#include <string.h>

#include <libchan-glib/chan-error.h>

void
chan_msgpack_reader_init (ChanMsgpackReader *self, ChanSpdyDialect dialect, const ChanLimits *limits)
{
  /* not the arrays at the end: they are written before they are read */
  memset (self, 0, offsetof (ChanMsgpackReader, keys));
  self->dialect = dialect;
  self->limits = limits;
  self->error_code = -1;
}

void
chan_msgpack_reader_clear (ChanMsgpackReader *self)
{
  g_clear_pointer (&self->more_keys, g_array_unref);
  g_clear_pointer (&self->handles, g_free);
  self->n_handles = 0;
}

static gboolean
fail (ChanMsgpackReader *self, ChanChannelError code, const char *text)
{
  self->error_code = (int) code;
  self->error_text = text;
  return FALSE;
}

/* --- keys ---------------------------------------------------------------- */

static ChanMsgpackKey *
get_keys (ChanMsgpackReader *self)
{
  return self->more_keys != NULL ? (ChanMsgpackKey *) (void *) self->more_keys->data : self->keys;
}

static void
push_key (ChanMsgpackReader *self, gsize offset, gsize len)
{
  ChanMsgpackKey key = { (guint32) offset, (guint32) len };

  if (self->more_keys == NULL && self->n_keys < G_N_ELEMENTS (self->keys))
    {
      self->keys[self->n_keys++] = key;
      return;
    }
  if (self->more_keys == NULL)
    {
      self->more_keys = g_array_new (FALSE, FALSE, sizeof key);
      g_array_append_vals (self->more_keys, self->keys, self->n_keys);
    }
  g_array_set_size (self->more_keys, self->n_keys);
  g_array_append_val (self->more_keys, key);
  self->n_keys++;
}

static int
compare_keys (const void *a, const void *b, void *user_data)
{
  const ChanMsgpackKey *ka = a, *kb = b;
  const guint8 *data = user_data;

  if (ka->len != kb->len)
    return ka->len < kb->len ? -1 : 1;
  return memcmp (data + ka->offset, data + kb->offset, ka->len);
}

/* By comparison, never by hashing: what the peer chooses cannot make it slow. */
static gboolean
close_map (ChanMsgpackReader *self, const guint8 *data, guint first_key)
{
  ChanMsgpackKey *keys = get_keys (self) + first_key;
  guint n = self->n_keys - first_key;

  self->n_keys = first_key;
  if (n > 8)
    {
      g_qsort_with_data (keys, (int) n, sizeof *keys, compare_keys, (gpointer) data);
      for (guint i = 1; i < n; i++)
        if (compare_keys (&keys[i - 1], &keys[i], (void *) data) == 0)
          return fail (self, CHAN_CHANNEL_ERROR_PROTOCOL, "A map has the same key twice");
      return TRUE;
    }
  for (guint i = 1; i < n; i++)
    for (guint k = 0; k < i; k++)
      if (compare_keys (&keys[k], &keys[i], (void *) data) == 0)
        return fail (self, CHAN_CHANNEL_ERROR_PROTOCOL, "A map has the same key twice");
  return TRUE;
}

/* --- values -------------------------------------------------------------- */

static gboolean
add_handle (ChanMsgpackReader *self, ChanWireKind kind, const guint8 *ref, guint len)
{
  ChanWireHandle handle = { kind, 0 };

  if (self->n_handles >= self->limits->message_handles)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message has too many handles");
  for (guint i = 0; i < len; i++)
    handle.ref = handle.ref << 8 | ref[i];
  if ((self->n_handles & (self->n_handles - 1)) == 0)
    self->handles = g_renew (ChanWireHandle, self->handles, MAX (1, 2 * self->n_handles));
  self->handles[self->n_handles++] = handle;
  return TRUE;
}

/* docs/wire-messages.md, "Exts": generation 1 has channels with a direction as
 * ext 1 and byte streams as ext 2; generation 2 has a code for each kind. */
static gboolean
check_time (ChanMsgpackReader *self, const guint8 *payload)
{
  guint32 nanoseconds;

  memcpy (&nanoseconds, payload + 8, sizeof nanoseconds);
  return GUINT32_FROM_BE (nanoseconds) < CHAN_MSGPACK_NANOSECONDS ||
         fail (self, CHAN_CHANNEL_ERROR_PROTOCOL, "A time has a second or more of nanoseconds");
}

/* Three strings, each after a byte that is its length: network, local and remote address. */
static gboolean
check_conn (ChanMsgpackReader *self, const ChanMsgpackItem *item, const guint8 *payload)
{
  const char *network = item->ext == 4 ? "\3tcp" : "\3udp";
  gsize at = 0;

  if (item->length < 6 || memcmp (payload, network, 4) != 0)
    return fail (self, CHAN_CHANNEL_ERROR_PROTOCOL, "A message has malformed addresses");
  for (int i = 0; i < 3; i++)
    {
      gsize len = at < item->length ? payload[at] : item->length;

      if (len > 0x7f || len >= item->length - at || !g_utf8_validate_len ((const char *) payload + at + 1, len, NULL))
        return fail (self, CHAN_CHANNEL_ERROR_PROTOCOL, "A message has malformed addresses");
      at += 1 + len;
    }
  return at == item->length || fail (self, CHAN_CHANNEL_ERROR_PROTOCOL, "A message has malformed addresses");
}

static gboolean
check_ext (ChanMsgpackReader *self, const ChanMsgpackItem *item, const guint8 *payload)
{
  gboolean is_ref = item->length == 4 || item->length == 8;

  if (self->dialect == CHAN_SPDY_DIALECT_GEN1)
    {
      if (item->ext == 2 && is_ref)
        return add_handle (self, CHAN_WIRE_BYTES_DUPLEX, payload, item->length);
      if (item->ext == 1 && (item->length == 5 || item->length == 9) && (payload[0] == 1 || payload[0] == 2))
        return add_handle (self, payload[0] == 2 ? CHAN_WIRE_SENDER : CHAN_WIRE_RECEIVER,
                           payload + 1, item->length - 1);
      if (chan_msgpack_item_is_conn (item))
        return check_conn (self, item, payload);
    }
  else
    {
      if (item->ext >= CHAN_WIRE_BYTES_DUPLEX && item->ext <= CHAN_WIRE_RECEIVER && is_ref)
        return add_handle (self, (ChanWireKind) item->ext, payload, item->length);
      if (item->ext == 6 && item->length == 12)
        return check_time (self, payload);
    }
  return fail (self, CHAN_CHANNEL_ERROR_PROTOCOL, "A message has an unknown or malformed ext");
}

static gboolean
check_payload (ChanMsgpackReader *self, const ChanMsgpackItem *item, const guint8 *data, gboolean is_key)
{
  const guint8 *payload = data + self->pos + item->head;

  if (is_key)
    push_key (self, self->pos + item->head, item->length);
  if (item->type == CHAN_MSGPACK_EXT)
    return check_ext (self, item, payload);
  /* also refuses U+0000, which GVariant's strings cannot hold */
  if ((is_key || item->type == CHAN_MSGPACK_STR) &&
      !g_utf8_validate_len ((const char *) payload, item->length, NULL))
    return fail (self, CHAN_CHANNEL_ERROR_PROTOCOL, "A string is not valid UTF-8");
  return TRUE;
}

static gboolean
open_container (ChanMsgpackReader *self, const ChanMsgpackItem *item)
{
  gboolean is_map = item->type == CHAN_MSGPACK_MAP;
  guint values = is_map ? 2 : 1;
  ChanMsgpackFrame *frame;

  if (item->length > (self->limits->message_nodes - self->nodes) / values)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message has too many values");
  if (self->depth >= MIN (self->limits->message_depth, CHAN_MSGPACK_MAX_DEPTH) ||
      self->view_depth + 1 + values > CHAN_MSGPACK_VIEW_DEPTH)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message is nested too deeply");

  frame = &self->frames[self->depth++];
  frame->is_map = is_map;
  frame->left = item->length * values;
  frame->first_key = self->n_keys;
  self->view_depth += 1 + values; /* array, variant; array, entry, variant */
  return TRUE;
}

/* One value is complete; so may be the containers it was the last of. */
static gboolean
close_value (ChanMsgpackReader *self, const guint8 *data)
{
  while (self->depth > 0)
    {
      ChanMsgpackFrame *frame = &self->frames[self->depth - 1];

      if (frame->left > 0 && --frame->left > 0)
        return TRUE;
      if (frame->is_map && !close_map (self, data, frame->first_key))
        return FALSE;
      self->view_depth -= frame->is_map ? 3 : 2;
      self->depth--;
    }
  return TRUE;
}

static gboolean
check_size (ChanMsgpackReader *self, const ChanMsgpackItem *item, gsize size)
{
  if (item->type == CHAN_MSGPACK_INVALID)
    return fail (self, CHAN_CHANNEL_ERROR_PROTOCOL, "A message is not msgpack");
  if (self->nodes >= self->limits->message_nodes)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message has too many values");
  if (size > self->limits->message_bytes || self->pos > self->limits->message_bytes - size)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_LARGE, "A message is too large");
  if (self->memory + CHAN_MSGPACK_NODE_COST + size > self->limits->message_memory)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_LARGE, "A message needs too much memory");
  return TRUE;
}

static gboolean
is_key_next (ChanMsgpackReader *self)
{
  return self->depth > 0 && self->frames[self->depth - 1].is_map && self->frames[self->depth - 1].left % 2 == 0;
}

/* TRUE: the item is checked, and `pos` is behind it; FALSE: see `need` or the error. */
static gboolean
scan_item (ChanMsgpackReader *self, const guint8 *data, gsize len)
{
  ChanMsgpackItem item;
  gboolean is_key = is_key_next (self);
  gboolean is_container, has_payload;
  gsize size;

  if (!chan_msgpack_item_read (&item, data + self->pos, len - self->pos))
    {
      self->need = self->pos + item.head;
      if (self->need > self->limits->message_bytes)
        fail (self, CHAN_CHANNEL_ERROR_TOO_LARGE, "A message is too large");
      return FALSE;
    }
  is_container = item.type == CHAN_MSGPACK_ARRAY || item.type == CHAN_MSGPACK_MAP;
  has_payload = item.type == CHAN_MSGPACK_STR || item.type == CHAN_MSGPACK_BIN || item.type == CHAN_MSGPACK_EXT;
  size = item.head + (has_payload ? (gsize) item.length : 0);
  if (!check_size (self, &item, size))
    return FALSE;
  if (is_key && item.type != CHAN_MSGPACK_STR && item.type != CHAN_MSGPACK_BIN)
    return fail (self, CHAN_CHANNEL_ERROR_PROTOCOL, "A map has a key that is not a string");
  if (size > len - self->pos)
    {
      self->need = self->pos + size;
      return FALSE;
    }

  self->nodes++;
  self->memory += CHAN_MSGPACK_NODE_COST + size;
  if (has_payload && !check_payload (self, &item, data, is_key))
    return FALSE;
  self->pos += size;
  if (is_container)
    {
      if (!open_container (self, &item))
        return FALSE;
      if (item.length > 0)
        return TRUE;
    }
  return close_value (self, data);
}

ChanMsgpackResult
chan_msgpack_reader_scan (ChanMsgpackReader *self, const guint8 *data, gsize len)
{
  if (self->error_code >= 0)
    return CHAN_MSGPACK_ERROR;
  do
    if (!scan_item (self, data, len))
      return self->error_code >= 0 ? CHAN_MSGPACK_ERROR : CHAN_MSGPACK_MORE;
  while (self->depth > 0);
  return CHAN_MSGPACK_DONE;
}

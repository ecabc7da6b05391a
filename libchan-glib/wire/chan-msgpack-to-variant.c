/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-msgpack-to-variant.h"

#include <string.h>

#include "chan-msgpack-reader.h"

/* Serialised forms are as in the GVariant specification (section 2): values at
 * offsets aligned to their type, framing offsets (little endian, as narrow as
 * the container's size allows) at a container's end, a variant as its value, a
 * zero byte, and its type string. Every container here is aligned to 8, so
 * alignment within it is alignment within the whole buffer. */

typedef struct
{
  gsize start;
  gsize entry_start; /* map: of the current entry */
  gsize key_end;
  guint32 left;      /* values to come; a pair is two */
  guint first_end;   /* index into Writer.ends */
  gboolean is_map;
} Frame;

typedef struct
{
  guint8 *data; /* g_malloc'd */
  gsize len;
  gsize capacity;
  GArray *ends; /* of gsize: framing offsets of the open arrays */
  guint depth;
  guint n_handles;
  Frame frames[CHAN_MSGPACK_MAX_DEPTH];
} Writer;

static void
append (Writer *self, const void *data, gsize len)
{
  if (len > self->capacity - self->len)
    {
      self->capacity = MAX (2 * self->capacity, self->len + len);
      self->data = g_realloc (self->data, self->capacity);
    }
  if (len > 0)
    memcpy (self->data + self->len, data, len);
  self->len += len;
}

static void
align (Writer *self)
{
  static const guint8 zeros[8] = { 0 };

  append (self, zeros, -self->len & 7);
}

static void
append_offset (Writer *self, gsize offset, guint width)
{
  guint64 le = GUINT64_TO_LE ((guint64) offset);

  append (self, &le, width);
}

/* The width at which a container of `size` bytes and `n` offsets can name all of itself. */
static guint
offset_width (gsize size, gsize n)
{
  if (size + n <= G_MAXUINT8)
    return 1;
  if (size + 2 * n <= G_MAXUINT16)
    return 2;
  if ((guint64) size + 4 * n <= G_MAXUINT32)
    return 4;
  return 8;
}

/* ("time", seconds, nanoseconds): one non-fixed member that is not the last, so
 * one framing offset: where "time" ends. */
static const char *
write_time (Writer *self, const guint8 *payload)
{
  gsize start = self->len;
  guint64 seconds;
  guint32 nanoseconds;

  memcpy (&seconds, payload, sizeof seconds);
  memcpy (&nanoseconds, payload + 8, sizeof nanoseconds);
  seconds = GUINT64_FROM_BE (seconds);
  nanoseconds = GUINT32_FROM_BE (nanoseconds);
  append (self, "time", 5);
  align (self);
  append (self, &seconds, sizeof seconds);
  append (self, &nanoseconds, sizeof nanoseconds);
  append_offset (self, 5, offset_width (self->len - start, 1));
  return "(sxu)";
}

/* ("conn", network, local, remote): framing offsets of the first three, the first one last. */
static const char *
write_conn (Writer *self, const guint8 *payload)
{
  gsize start = self->len;
  gsize ends[3];
  guint width;

  append (self, "conn", 5);
  ends[0] = self->len - start;
  for (int i = 1; i <= 3; i++)
    {
      append (self, payload + 1, payload[0]);
      append (self, "", 1);
      payload += 1 + payload[0];
      if (i < 3)
        ends[i] = self->len - start;
    }
  width = offset_width (self->len - start, G_N_ELEMENTS (ends));
  for (gsize i = G_N_ELEMENTS (ends); i-- > 0;)
    append_offset (self, ends[i], width);
  return "(ssss)";
}

static const char *
write_ext (Writer *self, const ChanMsgpackItem *item, const guint8 *payload)
{
  gint32 index_ = (gint32) self->n_handles;

  if (item->ext == 6)
    return write_time (self, payload);
  if (chan_msgpack_item_is_conn (item))
    return write_conn (self, payload);
  self->n_handles++;
  append (self, &index_, sizeof index_);
  return "h";
}

/* Any value but an array or a map. Returns its type. */
static const char *
write_basic (Writer *self, const ChanMsgpackItem *item, const guint8 *payload)
{
  guint8 b;

  switch (item->type)
    {
    case CHAN_MSGPACK_NIL:
      return "mv"; /* nothing: no bytes */
    case CHAN_MSGPACK_BOOL:
      b = (guint8) item->u;
      append (self, &b, 1);
      return "b";
    case CHAN_MSGPACK_INT:
      append (self, &item->i, sizeof item->i);
      return "x";
    case CHAN_MSGPACK_UINT:
      append (self, &item->u, sizeof item->u);
      return "t";
    case CHAN_MSGPACK_FLOAT:
      append (self, &item->d, sizeof item->d);
      return "d";
    case CHAN_MSGPACK_STR:
      append (self, payload, item->length);
      append (self, "", 1);
      return "s";
    case CHAN_MSGPACK_BIN:
      append (self, payload, item->length);
      return "ay";
    case CHAN_MSGPACK_EXT:
      return write_ext (self, item, payload);
    default:
      g_assert_not_reached ();
    }
}

static void
open_container (Writer *self, const ChanMsgpackItem *item)
{
  Frame *frame = &self->frames[self->depth++];

  frame->is_map = item->type == CHAN_MSGPACK_MAP;
  frame->left = item->length * (frame->is_map ? 2 : 1);
  frame->start = self->len;
  frame->first_end = self->ends->len;
}

static void
close_container (Writer *self, const Frame *frame)
{
  guint n = self->ends->len - frame->first_end;
  guint width = offset_width (self->len - frame->start, n);

  for (guint i = 0; i < n; i++)
    append_offset (self, g_array_index (self->ends, gsize, frame->first_end + i) - frame->start, width);
  g_array_set_size (self->ends, frame->first_end);
  self->depth--;
}

/* A value of `type` has been written: as the element of its container it is a
 * variant. Closes the containers it completes. Returns the type of what was
 * completed last. */
static const char *
close_value (Writer *self, const char *type)
{
  while (self->depth > 0)
    {
      Frame *frame = &self->frames[self->depth - 1];

      append (self, "", 1);
      append (self, type, strlen (type));
      if (frame->is_map)
        append_offset (self, frame->key_end - frame->entry_start,
                       offset_width (self->len - frame->entry_start, 1));
      g_array_append_val (self->ends, self->len);
      if (--frame->left > 0)
        break;
      type = frame->is_map ? "a{sv}" : "av";
      close_container (self, frame);
    }
  return type;
}

static void
write_key (Writer *self, Frame *frame, const guint8 *payload, gsize len)
{
  align (self);
  frame->entry_start = self->len;
  append (self, payload, len);
  append (self, "", 1);
  frame->key_end = self->len;
  frame->left--;
}

static const char *
write_all (Writer *self, const guint8 *data, gsize len)
{
  const char *type = NULL;
  ChanMsgpackItem item;

  do
    {
      Frame *frame = self->depth > 0 ? &self->frames[self->depth - 1] : NULL;
      const guint8 *payload;
      gboolean whole = chan_msgpack_item_read (&item, data, len);

      g_assert (whole);
      payload = data + item.head;
      data = payload;
      len -= item.head;
      if (item.type == CHAN_MSGPACK_STR || item.type == CHAN_MSGPACK_BIN || item.type == CHAN_MSGPACK_EXT)
        {
          data += item.length;
          len -= item.length;
        }

      if (frame != NULL && frame->is_map && frame->left % 2 == 0)
        {
          write_key (self, frame, payload, item.length);
          continue;
        }
      align (self);
      if (item.type != CHAN_MSGPACK_ARRAY && item.type != CHAN_MSGPACK_MAP)
        type = close_value (self, write_basic (self, &item, payload));
      else if (item.length > 0)
        open_container (self, &item);
      else
        type = close_value (self, item.type == CHAN_MSGPACK_MAP ? "a{sv}" : "av");
    }
  while (self->depth > 0);
  return type;
}

GVariant *
chan_msgpack_to_variant (const guint8 *data, gsize len)
{
  g_autoptr (GBytes) bytes = NULL;
  Writer writer;
  const char *type;

  writer.len = 0;
  writer.depth = 0;
  writer.n_handles = 0;
  writer.capacity = 2 * len + 64;
  writer.data = g_malloc (writer.capacity);
  writer.ends = g_array_new (FALSE, FALSE, sizeof (gsize));
  type = write_all (&writer, data, len);
  g_array_unref (writer.ends);

  bytes = g_bytes_new_take (g_realloc (writer.data, MAX (writer.len, 1)), writer.len);
  return g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (type), bytes, TRUE));
}

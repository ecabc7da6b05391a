/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-msgpack-item.h"

#include <string.h>

typedef enum
{
  FORM_PLAIN,  /* the code says it all */
  FORM_SIGNED, /* a number follows */
  FORM_UNSIGNED,
  FORM_FLOAT,
  FORM_LENGTH, /* a length or a count follows */
  FORM_EXT,    /* a length and an ext code follow */
  FORM_FIXEXT, /* an ext code follows; `width` is the length */
} Form;

/* The codes c0 to df of the msgpack specification, "Formats: Overview". */
static const struct
{
  guint8 type;
  guint8 form;
  guint8 width; /* bytes of the number or length that follows */
} codes[32] = {
  [0x00] = { CHAN_MSGPACK_NIL, FORM_PLAIN, 0 },
  [0x01] = { CHAN_MSGPACK_INVALID, FORM_PLAIN, 0 },
  [0x02] = { CHAN_MSGPACK_BOOL, FORM_PLAIN, 0 },
  [0x03] = { CHAN_MSGPACK_BOOL, FORM_PLAIN, 0 },
  [0x04] = { CHAN_MSGPACK_BIN, FORM_LENGTH, 1 },
  [0x05] = { CHAN_MSGPACK_BIN, FORM_LENGTH, 2 },
  [0x06] = { CHAN_MSGPACK_BIN, FORM_LENGTH, 4 },
  [0x07] = { CHAN_MSGPACK_EXT, FORM_EXT, 1 },
  [0x08] = { CHAN_MSGPACK_EXT, FORM_EXT, 2 },
  [0x09] = { CHAN_MSGPACK_EXT, FORM_EXT, 4 },
  [0x0a] = { CHAN_MSGPACK_FLOAT, FORM_FLOAT, 4 },
  [0x0b] = { CHAN_MSGPACK_FLOAT, FORM_FLOAT, 8 },
  [0x0c] = { CHAN_MSGPACK_INT, FORM_UNSIGNED, 1 },
  [0x0d] = { CHAN_MSGPACK_INT, FORM_UNSIGNED, 2 },
  [0x0e] = { CHAN_MSGPACK_INT, FORM_UNSIGNED, 4 },
  [0x0f] = { CHAN_MSGPACK_INT, FORM_UNSIGNED, 8 },
  [0x10] = { CHAN_MSGPACK_INT, FORM_SIGNED, 1 },
  [0x11] = { CHAN_MSGPACK_INT, FORM_SIGNED, 2 },
  [0x12] = { CHAN_MSGPACK_INT, FORM_SIGNED, 4 },
  [0x13] = { CHAN_MSGPACK_INT, FORM_SIGNED, 8 },
  [0x14] = { CHAN_MSGPACK_EXT, FORM_FIXEXT, 1 },
  [0x15] = { CHAN_MSGPACK_EXT, FORM_FIXEXT, 2 },
  [0x16] = { CHAN_MSGPACK_EXT, FORM_FIXEXT, 4 },
  [0x17] = { CHAN_MSGPACK_EXT, FORM_FIXEXT, 8 },
  [0x18] = { CHAN_MSGPACK_EXT, FORM_FIXEXT, 16 },
  [0x19] = { CHAN_MSGPACK_STR, FORM_LENGTH, 1 },
  [0x1a] = { CHAN_MSGPACK_STR, FORM_LENGTH, 2 },
  [0x1b] = { CHAN_MSGPACK_STR, FORM_LENGTH, 4 },
  [0x1c] = { CHAN_MSGPACK_ARRAY, FORM_LENGTH, 2 },
  [0x1d] = { CHAN_MSGPACK_ARRAY, FORM_LENGTH, 4 },
  [0x1e] = { CHAN_MSGPACK_MAP, FORM_LENGTH, 2 },
  [0x1f] = { CHAN_MSGPACK_MAP, FORM_LENGTH, 4 },
};

static guint64
read_be (const guint8 *data, guint width)
{
  guint64 value = 0;

  for (guint i = 0; i < width; i++)
    value = value << 8 | data[i];
  return value;
}

static gint64
sign_extend (guint64 value, guint width)
{
  guint shift = 64 - 8 * width;

  return (gint64) (value << shift) >> shift;
}

static double
read_float (guint64 bits, guint width)
{
  double d;

  if (width == 4)
    {
      guint32 single = (guint32) bits;
      float f;

      memcpy (&f, &single, sizeof f);
      return (double) f;
    }
  memcpy (&d, &bits, sizeof d);
  return d;
}

static void
set_number (ChanMsgpackItem *item, Form form, guint64 value, guint width)
{
  if (form == FORM_FLOAT)
    {
      item->d = read_float (value, width);
      return;
    }
  if (form == FORM_SIGNED)
    {
      item->i = sign_extend (value, width);
      return;
    }
  item->u = value;
  item->i = (gint64) value;
  if (value > G_MAXINT64)
    item->type = CHAN_MSGPACK_UINT;
}

/* Codes c0 to df. */
static gboolean
read_coded (ChanMsgpackItem *item, const guint8 *data, gsize len)
{
  guint code = data[0] - 0xc0u;
  guint8 width = codes[code].width;
  Form form = codes[code].form;

  item->type = codes[code].type;
  item->head = form == FORM_FIXEXT ? 2 : (guint8) (1 + width + (form == FORM_EXT));
  if (len < item->head)
    return FALSE;

  switch (form)
    {
    case FORM_PLAIN:
      item->u = code & 1;
      break;
    case FORM_FIXEXT:
      item->length = width;
      item->ext = data[1];
      break;
    case FORM_EXT:
      item->ext = data[1 + width];
      item->length = (guint32) read_be (data + 1, width);
      break;
    case FORM_LENGTH:
      item->length = (guint32) read_be (data + 1, width);
      break;
    case FORM_SIGNED:
    case FORM_UNSIGNED:
    case FORM_FLOAT:
      set_number (item, form, read_be (data + 1, width), width);
      break;
    default:
      g_assert_not_reached ();
    }
  return TRUE;
}

gboolean
chan_msgpack_item_read (ChanMsgpackItem *ret, const guint8 *data, gsize len)
{
  guint8 code;

  ret->head = 1;
  ret->length = 0;
  if (len == 0)
    return FALSE;

  code = data[0];
  if (code >= 0xc0 && code < 0xe0)
    return read_coded (ret, data, len);

  if (code < 0x80 || code >= 0xe0)
    {
      ret->type = CHAN_MSGPACK_INT;
      ret->i = (gint8) code;
    }
  else if (code < 0xa0)
    {
      ret->type = code < 0x90 ? CHAN_MSGPACK_MAP : CHAN_MSGPACK_ARRAY;
      ret->length = code & 0x0f;
    }
  else
    {
      ret->type = CHAN_MSGPACK_STR;
      ret->length = code & 0x1f;
    }
  return TRUE;
}

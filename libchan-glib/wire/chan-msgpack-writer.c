/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-msgpack-writer.h"

#include <string.h>

/* A code, and `width` bytes of a number in big endian. */
static void
write_number (GByteArray *out, guint8 code, guint64 value, guint width)
{
  guint8 bytes[9] = { code };

  for (guint i = 0; i < width; i++)
    bytes[1 + i] = (guint8) (value >> (8 * (width - 1 - i)));
  g_byte_array_append (out, bytes, 1 + width);
}

/* `code8` is the code with a length of one byte; two and four bytes are the next two codes. */
static void
write_length (GByteArray *out, guint8 code8, guint32 len)
{
  guint step = len <= G_MAXUINT8 ? 0 : len <= G_MAXUINT16 ? 1 : 2;

  write_number (out, (guint8) (code8 + step), len, 1u << step);
}

void
chan_msgpack_write_nil (GByteArray *out)
{
  write_number (out, 0xc0, 0, 0);
}

void
chan_msgpack_write_bool (GByteArray *out, gboolean value)
{
  write_number (out, value ? 0xc3 : 0xc2, 0, 0);
}

void
chan_msgpack_write_int (GByteArray *out, gint64 value)
{
  if (value >= -32 && value <= 127)
    write_number (out, (guint8) value, 0, 0);
  else if (value >= G_MININT8 && value <= G_MAXINT8)
    write_number (out, 0xd0, (guint64) value, 1);
  else if (value >= G_MININT16 && value <= G_MAXINT16)
    write_number (out, 0xd1, (guint64) value, 2);
  else if (value >= G_MININT32 && value <= G_MAXINT32)
    write_number (out, 0xd2, (guint64) value, 4);
  else
    write_number (out, 0xd3, (guint64) value, 8);
}

void
chan_msgpack_write_uint (GByteArray *out, guint64 value)
{
  if (value <= G_MAXINT64)
    chan_msgpack_write_int (out, (gint64) value);
  else
    write_number (out, 0xcf, value, 8);
}

void
chan_msgpack_write_double (GByteArray *out, double value)
{
  guint64 bits;

  memcpy (&bits, &value, sizeof bits);
  write_number (out, 0xcb, bits, 8);
}

void
chan_msgpack_write_str (GByteArray *out, const char *data, guint32 len)
{
  if (len < 32)
    write_number (out, (guint8) (0xa0 | len), 0, 0);
  else
    write_length (out, 0xd9, len);
  g_byte_array_append (out, (const guint8 *) data, len);
}

void
chan_msgpack_write_bin (GByteArray *out, guint32 len)
{
  write_length (out, 0xc4, len);
}

void
chan_msgpack_write_array (GByteArray *out, guint32 n)
{
  if (n < 16)
    write_number (out, (guint8) (0x90 | n), 0, 0);
  else
    write_number (out, n <= G_MAXUINT16 ? 0xdc : 0xdd, n, n <= G_MAXUINT16 ? 2 : 4);
}

void
chan_msgpack_write_map (GByteArray *out, guint32 n)
{
  if (n < 16)
    write_number (out, (guint8) (0x80 | n), 0, 0);
  else
    write_number (out, n <= G_MAXUINT16 ? 0xde : 0xdf, n, n <= G_MAXUINT16 ? 2 : 4);
}

void
chan_msgpack_write_ext (GByteArray *out, guint8 code, const guint8 *data, guint32 len)
{
  /* fixext 1, 2, 4, 8, 16 are d4 to d8 */
  if (len > 0 && len <= 16 && (len & (len - 1)) == 0)
    write_number (out, (guint8) (0xd4 + g_bit_nth_lsf (len, -1)), 0, 0);
  else
    write_length (out, 0xc7, len);
  g_byte_array_append (out, &code, 1);
  g_byte_array_append (out, data, len);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-http-head.h"

#include <string.h>

#define BEGIN_LEN (sizeof CHAN_HTTP_HEAD_BEGIN - 1)

/* FALSE: this byte is not of a head. */
static gboolean
take (ChanHttpHead *self, guint8 byte)
{
  static const char empty_line[] = "\r\n\r\n";

  if (self->seen < BEGIN_LEN ? byte != (guint8) CHAN_HTTP_HEAD_BEGIN[self->seen] : self->seen >= CHAN_HTTP_HEAD_MAX)
    return FALSE;
  self->seen++;
  if (byte == (guint8) empty_line[self->end])
    self->end++;
  else
    self->end = byte == '\r' ? 1 : 0;
  self->over = self->end == strlen (empty_line);
  return TRUE;
}

gsize
chan_http_head_skip (ChanHttpHead *self, const guint8 *data, gsize len, gsize *ret_begin)
{
  gsize before = self->seen;
  gsize n = 0;

  *ret_begin = 0;
  for (; n < len && !self->over; n++)
    if (!take (self, data[n]))
      {
        self->over = TRUE;
        /* Only a wrong beginning is given back: then `before` bytes of it were seen in earlier pieces. */
        if (self->seen < BEGIN_LEN)
          {
            *ret_begin = before;
            return 0;
          }
        break;
      }
  return n;
}

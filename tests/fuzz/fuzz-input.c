/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-input.h"

#include <string.h>

static const guint8 *
skip (FuzzInput *self, gsize len)
{
  const guint8 *at = self->data;

  self->data += len;
  self->len -= len;
  return at;
}

guint8
fuzz_input_byte (FuzzInput *self)
{
  return self->len > 0 ? *skip (self, 1) : 0;
}

char *
fuzz_input_text (FuzzInput *self)
{
  const guint8 *zero = self->len > 0 ? memchr (self->data, 0, self->len) : NULL;
  gsize len = zero != NULL ? (gsize) (zero - self->data) : self->len;
  char *text = g_malloc (len + 1);

  if (len > 0)
    memcpy (text, skip (self, len), len);
  text[len] = '\0';
  if (zero != NULL)
    skip (self, 1);
  return text;
}

guint8 *
fuzz_input_block (FuzzInput *self, gsize *ret_len)
{
  gsize len = (gsize) fuzz_input_byte (self) << 8;

  len |= fuzz_input_byte (self);
  *ret_len = MIN (len, self->len);
  return g_memdup2 (skip (self, *ret_len), *ret_len);
}

void
fuzz_input_feed (const FuzzInput *self, const gsize *cuts, gsize n, FuzzPieceFunc func, gpointer user_data)
{
  gsize at = 0;

  for (gsize i = 0; i <= n; i++)
    {
      gsize end = i < n ? MIN (cuts[i], self->len) : self->len;
      g_autofree guint8 *piece = NULL;

      if (end <= at)
        continue;
      piece = g_memdup2 (self->data + at, end - at);
      func (piece, end - at, user_data);
      at = end;
    }
}

void
fuzz_input_feed_bytes (const FuzzInput *self, FuzzPieceFunc func, gpointer user_data)
{
  for (gsize i = 0; i < self->len; i++)
    {
      g_autofree guint8 *piece = g_memdup2 (self->data + i, 1);

      func (piece, 1, user_data);
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-tls-gather.h"

#include <string.h>

void
chan_tls_gather_init (ChanTlsGather *self, const GOutputVector *vectors, gsize n_vectors)
{
  *self = (ChanTlsGather) { .vectors = vectors, .n_vectors = n_vectors };
}

static void
skip_finished (ChanTlsGather *self)
{
  while (self->n_vectors > 0 && self->offset == self->vectors->size)
    {
      self->vectors++;
      self->n_vectors--;
      self->offset = 0;
    }
}

static const guint8 *
take (ChanTlsGather *self, gsize max, gsize *ret_len)
{
  const guint8 *data = (const guint8 *) self->vectors->buffer + self->offset;

  *ret_len = MIN (max, self->vectors->size - self->offset);
  self->offset += *ret_len;
  skip_finished (self);
  return data;
}

/* FALSE: that was all */
gboolean
chan_tls_gather_next (ChanTlsGather *self, guint8 staging[CHAN_TLS_RECORD_BYTES],
                      const guint8 **ret_data, gsize *ret_len)
{
  gsize len = 0;

  skip_finished (self);
  if (self->n_vectors == 0)
    return FALSE;
  *ret_data = take (self, CHAN_TLS_RECORD_BYTES, &len);
  *ret_len = len;
  if (len == CHAN_TLS_RECORD_BYTES || self->n_vectors == 0)
    return TRUE;
  memcpy (staging, *ret_data, len);
  *ret_data = staging;
  while (*ret_len < CHAN_TLS_RECORD_BYTES && self->n_vectors > 0)
    {
      const guint8 *data = take (self, CHAN_TLS_RECORD_BYTES - *ret_len, &len);

      memcpy (staging + *ret_len, data, len);
      *ret_len += len;
    }
  return TRUE;
}

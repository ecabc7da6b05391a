/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-tls-buffer.h"

#include <string.h>

/* What connections that are busy at the same moment can use without asking
 * malloc(): 16 blocks, 1.6 MiB. */
#define POOL_BLOCKS 16

static GMutex pool_mutex; /* a leaf: nothing is called under it */
static guint8 *pool[POOL_BLOCKS];
static guint pool_n;

static guint8 *
pool_take (void)
{
  guint8 *block = NULL;

  g_mutex_lock (&pool_mutex);
  if (pool_n > 0)
    block = g_steal_pointer (&pool[--pool_n]);
  g_mutex_unlock (&pool_mutex);
  return block ? block : g_malloc (CHAN_TLS_BLOCK_BYTES);
}

static void
pool_give (guint8 *block)
{
  g_mutex_lock (&pool_mutex);
  if (pool_n < POOL_BLOCKS)
    pool[pool_n++] = g_steal_pointer (&block);
  g_mutex_unlock (&pool_mutex);
  g_free (block);
}

static void
make_room (ChanTlsBuffer *self, gsize n_bytes)
{
  gsize len = chan_tls_buffer_get_length (self);
  ChanTlsBuffer grown = { .end = len, .capacity = (len + n_bytes) * 3 / 2 };

  if (len + n_bytes <= self->capacity)
    {
      memmove (self->data, self->data + self->start, len);
      self->start = 0;
      self->end = len;
      return;
    }
  grown.data = g_malloc (grown.capacity);
  memcpy (grown.data, self->data + self->start, len);
  chan_tls_buffer_clear (self);
  *self = grown;
}

guint8 *
chan_tls_buffer_reserve (ChanTlsBuffer *self, gsize n_bytes)
{
  if (!self->data)
    {
      self->data = pool_take ();
      self->capacity = CHAN_TLS_BLOCK_BYTES;
    }
  if (self->capacity - self->end < n_bytes)
    make_room (self, n_bytes);
  return self->data + self->end;
}

void
chan_tls_buffer_added (ChanTlsBuffer *self, gsize n_bytes)
{
  g_assert (n_bytes <= self->capacity - self->end);
  self->end += n_bytes;
  if (chan_tls_buffer_get_length (self) == 0)
    chan_tls_buffer_clear (self);
}

void
chan_tls_buffer_append (ChanTlsBuffer *self, const void *data, gsize n_bytes)
{
  if (n_bytes == 0)
    return;
  memcpy (chan_tls_buffer_reserve (self, n_bytes), data, n_bytes);
  chan_tls_buffer_added (self, n_bytes);
}

void
chan_tls_buffer_consume (ChanTlsBuffer *self, gsize n_bytes)
{
  g_assert (n_bytes <= chan_tls_buffer_get_length (self));
  self->start += n_bytes;
  if (self->start == self->end)
    chan_tls_buffer_clear (self);
}

void
chan_tls_buffer_clear (ChanTlsBuffer *self)
{
  if (self->data && self->capacity == CHAN_TLS_BLOCK_BYTES)
    pool_give (self->data);
  else
    g_free (self->data);
  *self = (ChanTlsBuffer) { 0 };
}

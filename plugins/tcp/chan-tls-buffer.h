/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Bytes on their way to or from the socket. Holds memory only while it holds
 * bytes, so that an idle connection owns no buffers; blocks come from a small
 * pool of the process. */
typedef struct
{
  guint8 *data;
  gsize start, end, capacity;
} ChanTlsBuffer;

/* One recv(), or six full TLS records: 64 KiB of data with the frames around it leave
 * by one send(). Still below what malloc() asks the kernel for. */
#define CHAN_TLS_BLOCK_BYTES (6 * (16384 + 256))

/* At least n_bytes of room behind the end, for chan_tls_buffer_added() */
guint8 *chan_tls_buffer_reserve (ChanTlsBuffer *self, gsize n_bytes);
void    chan_tls_buffer_added   (ChanTlsBuffer *self, gsize n_bytes);
void    chan_tls_buffer_append  (ChanTlsBuffer *self, const void *data, gsize n_bytes);
/* Removes n_bytes from the front; with the last of them goes the memory. */
void    chan_tls_buffer_consume (ChanTlsBuffer *self, gsize n_bytes);
void    chan_tls_buffer_clear   (ChanTlsBuffer *self);

static inline gsize
chan_tls_buffer_get_length (const ChanTlsBuffer *self)
{
  return self->end - self->start;
}

G_END_DECLS

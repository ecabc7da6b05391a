/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-import-table.h"

guint
chan_import_hash (guint64 key)
{
  static gsize seed;

  if (g_once_init_enter (&seed))
    g_once_init_leave (&seed, ((gsize) g_random_int () << 16 << 16 | g_random_int ()) | 1);
  return (guint) (((key ^ key >> 32) * (guint64) seed) >> 32);
}

static guint
ref_hash (gconstpointer key)
{
  return chan_import_hash (*(const guint64 *) key);
}

static gboolean
ref_equal (gconstpointer a, gconstpointer b)
{
  return *(const guint64 *) a == *(const guint64 *) b;
}

void
chan_import_table_init (ChanImportTable *self)
{
  self->streams = g_hash_table_new (ref_hash, ref_equal);
  self->n_unclaimed = 0;
}

void
chan_import_table_clear (ChanImportTable *self)
{
  g_clear_pointer (&self->streams, g_hash_table_unref);
}

gboolean
chan_import_table_add (ChanImportTable *self, ChanSpdyStream *stream)
{
  if (g_hash_table_contains (self->streams, &stream->ref))
    return FALSE;
  g_hash_table_insert (self->streams, &stream->ref, stream);
  if (!stream->claimed)
    self->n_unclaimed++;
  return TRUE;
}

void
chan_import_table_remove (ChanImportTable *self, ChanSpdyStream *stream)
{
  if (chan_import_table_lookup (self, stream->ref) != stream)
    return;
  g_hash_table_remove (self->streams, &stream->ref);
  if (!stream->claimed)
    self->n_unclaimed--;
}

ChanSpdyStream *
chan_import_table_lookup (ChanImportTable *self, guint64 ref)
{
  return g_hash_table_lookup (self->streams, &ref);
}

gboolean
chan_import_table_claim (ChanImportTable *self, ChanSpdyStream *stream)
{
  if (stream->claimed)
    return FALSE;
  stream->claimed = TRUE;
  self->n_unclaimed--;
  return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-tls-tickets.h"

/* Hosts that are remembered. */
#define MAX_TICKETS 64

struct _ChanTlsTickets
{
  GMutex mutex; /* a leaf: nothing is called under it */
  GHashTable *table;
};

ChanTlsTickets *
chan_tls_tickets_new (void)
{
  ChanTlsTickets *self = g_new0 (ChanTlsTickets, 1);

  g_mutex_init (&self->mutex);
  self->table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  return self;
}

void
chan_tls_tickets_free (ChanTlsTickets *self)
{
  g_hash_table_unref (self->table);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

void
chan_tls_tickets_store (ChanTlsTickets *self, const char *key, GBytes *ticket)
{
  g_mutex_lock (&self->mutex);
  if (g_hash_table_size (self->table) >= MAX_TICKETS && !g_hash_table_contains (self->table, key))
    g_hash_table_remove_all (self->table);
  g_hash_table_replace (self->table, g_strdup (key), g_bytes_ref (ticket));
  g_mutex_unlock (&self->mutex);
}

GBytes *
chan_tls_tickets_take (ChanTlsTickets *self, const char *key)
{
  char *stored_key = NULL;
  GBytes *ticket = NULL;

  g_mutex_lock (&self->mutex);
  g_hash_table_steal_extended (self->table, key, (gpointer *) &stored_key, (gpointer *) &ticket);
  g_mutex_unlock (&self->mutex);
  g_free (stored_key);
  return ticket;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-message.h>
#include "wire/chan-body.h"

G_BEGIN_DECLS

/* For chan-message*.c alone. */
struct _ChanMessage
{
  gatomicrefcount ref_count;
  guint n_handles : 31;
  guint received : 1; /* came over a channel, with its handles */
  ChanBody *body;
  gpointer *slots; /* n_handles of them; NULL if none */
};

/* A slot holds its handle; with the lowest bit set while a send has reserved
 * it, and NULL once it is gone. One word, so that one compare-and-swap changes
 * state and owner together. Objects are aligned, so the bit is free. */
#define CHAN_SLOT_RESERVED ((gsize) 1)

static inline gboolean
chan_slot_is_reserved (gpointer slot)
{
  return (GPOINTER_TO_SIZE (slot) & CHAN_SLOT_RESERVED) != 0;
}

static inline gpointer
chan_slot_mark (gpointer slot)
{
  return GSIZE_TO_POINTER (GPOINTER_TO_SIZE (slot) | CHAN_SLOT_RESERVED);
}

static inline GObject *
chan_slot_object (gpointer slot)
{
  return GSIZE_TO_POINTER (GPOINTER_TO_SIZE (slot) & ~CHAN_SLOT_RESERVED);
}

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libchan-glib/chan-error.h>

#include "chan-message-private.h"
#include "chan-message-struct.h"

/* The handles of a message: who has them, and when they change hands. A send
 * reserves them, so that two sends of one message cannot both move a channel,
 * and a cancelled one gives them back. */

/**
 * chan_message_get_n_handles:
 * @self: a message
 *
 * How many handles the message was made with. Those that are gone count too:
 * the indices in the body do not change.
 *
 * Returns: a number of handles
 *
 * Since: 0.1
 */
guint
chan_message_get_n_handles (ChanMessage *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->n_handles;
}

/**
 * chan_message_get_handle:
 * @self: a message
 * @index_: which handle
 *
 * Looks at a handle without taking it. It still belongs to the message: take a
 * reference to keep it for longer than @self, or for longer than until another
 * thread steals it.
 *
 * Returns: (transfer none) (nullable): the handle, or %NULL if @index_ is out of
 *   range or the handle is gone: stolen, or sent away
 *
 * Since: 0.1
 */
GObject *
chan_message_get_handle (ChanMessage *self, guint index_)
{
  g_return_val_if_fail (self != NULL, NULL);

  if (index_ >= self->n_handles)
    return NULL;
  return chan_slot_object (g_atomic_pointer_get (&self->slots[index_]));
}

/**
 * chan_message_steal_handle:
 * @self: a message
 * @index_: which handle
 *
 * Takes a handle out of the message, for good. Of several threads that try,
 * one gets it.
 *
 * Returns: (transfer full) (nullable): the handle, or %NULL if @index_ is out of
 *   range, the handle is gone, or a send of @self is under way
 *
 * Since: 0.1
 */
GObject *
chan_message_steal_handle (ChanMessage *self, guint index_)
{
  gpointer slot = NULL;

  g_return_val_if_fail (self != NULL, NULL);

  if (index_ >= self->n_handles)
    return NULL;
  do
    {
      slot = g_atomic_pointer_get (&self->slots[index_]);
      if (slot == NULL || chan_slot_is_reserved (slot))
        return NULL;
    }
  while (!g_atomic_pointer_compare_and_exchange (&self->slots[index_], slot, NULL));
  return slot;
}

static GVariant *
unwrap (GVariant *value)
{
  GVariant *inner = g_variant_ref (value);

  while (g_variant_is_of_type (inner, G_VARIANT_TYPE_VARIANT))
    {
      GVariant *outer = inner;

      inner = g_variant_get_variant (outer);
      g_variant_unref (outer);
    }
  return inner;
}

static GVariant *
lookup_value (GVariant *body, const char *key)
{
  g_autoptr (GVariant) dictionary = unwrap (body);
  g_autoptr (GVariant) value = NULL;

  if (!g_variant_is_of_type (dictionary, G_VARIANT_TYPE ("a{s*}")))
    return NULL;
  value = g_variant_lookup_value (dictionary, key, NULL);
  return value != NULL ? unwrap (value) : NULL;
}

/**
 * chan_message_lookup_handle:
 * @self: a message
 * @key: a key of the body
 *
 * Looks at the handle that a dictionary body (`a{sv}`, `a{sh}`) has at @key,
 * without taking it, as [method@Chan.Message.get_handle] does.
 *
 * Returns: (transfer none) (nullable): the handle, or %NULL if the body is no
 *   such dictionary, has no such key or no handle there, or the handle is gone
 *
 * Since: 0.1
 */
GObject *
chan_message_lookup_handle (ChanMessage *self, const char *key)
{
  g_autoptr (GVariant) value = NULL;
  gint32 index_ = 0;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (key != NULL, NULL);

  if (self->n_handles == 0)
    return NULL;
  value = lookup_value (chan_body_get_variant (self->body), key);
  if (value == NULL || !g_variant_is_of_type (value, G_VARIANT_TYPE_HANDLE))
    return NULL;
  index_ = g_variant_get_handle (value);
  return index_ >= 0 ? chan_message_get_handle (self, (guint) index_) : NULL;
}

/* --- sending ---------------------------------------------------------------- */

static void
unreserve_first (ChanMessage *self, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      gpointer slot = g_atomic_pointer_get (&self->slots[i]);

      /* Nobody else changes a reserved slot. */
      if (chan_slot_is_reserved (slot))
        g_atomic_pointer_set (&self->slots[i], chan_slot_object (slot));
    }
}

static gboolean
reserve_slot (gpointer *slot, guint index_, GError **error)
{
  gpointer seen = NULL;

  do
    {
      seen = g_atomic_pointer_get (slot);
      if (seen == NULL)
        {
          g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED,
                       "Handle %u of the message is gone: it was sent or taken before", index_);
          return FALSE;
        }
      if (chan_slot_is_reserved (seen))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_PENDING,
                       "Handle %u of the message is being sent already", index_);
          return FALSE;
        }
    }
  while (!g_atomic_pointer_compare_and_exchange (slot, seen, chan_slot_mark (seen)));
  return TRUE;
}

gboolean
chan_message_reserve_handles (ChanMessage *self, GError **error)
{
  for (guint i = 0; i < self->n_handles; i++)
    {
      if (!reserve_slot (&self->slots[i], i, error))
        {
          unreserve_first (self, i);
          return FALSE;
        }
    }
  return TRUE;
}

void
chan_message_unreserve_handles (ChanMessage *self)
{
  unreserve_first (self, self->n_handles);
}

GObject *
chan_message_peek_reserved (ChanMessage *self, guint index_)
{
  gpointer slot = NULL;

  g_return_val_if_fail (index_ < self->n_handles, NULL);
  slot = g_atomic_pointer_get (&self->slots[index_]);
  g_return_val_if_fail (chan_slot_is_reserved (slot), NULL);

  return chan_slot_object (slot);
}

GObject *
chan_message_take_reserved (ChanMessage *self, guint index_)
{
  GObject *object = chan_message_peek_reserved (self, index_);

  if (object != NULL)
    g_atomic_pointer_set (&self->slots[index_], NULL);
  return object;
}

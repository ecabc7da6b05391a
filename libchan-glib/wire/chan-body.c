/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-body-private.h"

#include <string.h>

#include "chan-msgpack-item.h"
#include "chan-msgpack-to-variant.h"

struct _ChanBody
{
  int ref_count;
  int memory_count;    /* users of this memory: the body, and each GBytes over `tail` */
  ChanBodyForm form;
  gsize size;
  const guint8 *data;  /* all forms but VARIANT; in `tail` or in `source` */
  gsize len;
  char *type;          /* SERIALISED */
  GBytes *source;      /* nullable: owns `data`; borrowed from `bytes` if that is the same */
  GVariant *variant;   /* these three: built on demand, set once, atomic */
  GBytes *bytes;
  GBytes *msgpack;
  guint64 tail[];      /* aligned as every GVariant needs it */
};

static void
memory_unref (gpointer data)
{
  ChanBody *self = data;

  if (g_atomic_int_dec_and_test (&self->memory_count))
    g_free (self);
}

static ChanBody *
body_new (ChanBodyForm form)
{
  ChanBody *self = g_new0 (ChanBody, 1);

  self->ref_count = 1;
  self->memory_count = 1;
  self->form = form;
  return self;
}

static ChanBody *
body_new_source (ChanBodyForm form, GBytes *source)
{
  ChanBody *self = body_new (form);

  self->source = g_bytes_ref (source);
  self->data = g_bytes_get_data (source, &self->len);
  self->size = self->len;
  return self;
}

ChanBody *
chan_body_new_variant (GVariant *body)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (body);
  ChanBody *self = body_new (CHAN_BODY_VARIANT);

  /* costs nothing for what was built here; what came from a file or a bus may
   * not be normal, and then no peer of ours would take it */
  self->variant = g_variant_get_normal_form (sunk);
  self->size = g_variant_get_size (self->variant);
  return self;
}

ChanBody *
chan_body_new_bytes (GBytes *bytes)
{
  ChanBody *self = body_new (CHAN_BODY_BYTES);

  self->bytes = g_bytes_ref (bytes);
  self->source = bytes;
  self->data = g_bytes_get_data (bytes, &self->len);
  self->size = self->len;
  return self;
}

ChanBody *
chan_body_new_serialised (const char *type, GBytes *data)
{
  ChanBody *self = body_new_source (CHAN_BODY_SERIALISED, data);

  self->type = g_strdup (type);
  if (strcmp (type, "ay") == 0)
    self->form = CHAN_BODY_BYTES;
  return self;
}

ChanBody *
chan_body_new_msgpack (GBytes *data)
{
  return body_new_source (CHAN_BODY_MSGPACK, data);
}

ChanBody *
chan_body_ref (ChanBody *self)
{
  g_atomic_int_inc (&self->ref_count);
  return self;
}

void
chan_body_unref (ChanBody *self)
{
  if (!g_atomic_int_dec_and_test (&self->ref_count))
    return;
  if (self->source != self->bytes)
    g_clear_pointer (&self->source, g_bytes_unref);
  g_clear_pointer (&self->variant, g_variant_unref);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_clear_pointer (&self->msgpack, g_bytes_unref);
  g_clear_pointer (&self->type, g_free);
  memory_unref (self);
}

/* --- blocks -------------------------------------------------------------- */

ChanBodyBlock *
chan_body_block_resize (ChanBodyBlock *self, gsize capacity)
{
  gboolean fresh = self == NULL;

  self = g_realloc (self, sizeof (ChanBody) + capacity);
  if (fresh)
    {
      memset (self, 0, sizeof (ChanBody));
      self->ref_count = 1;
      self->memory_count = 1;
    }
  return self;
}

guint8 *
chan_body_block_data (ChanBodyBlock *self)
{
  return (guint8 *) self->tail;
}

void
chan_body_block_free (ChanBodyBlock *self)
{
  g_free (self);
}

ChanBody *
chan_body_block_finish (ChanBodyBlock *self, ChanBodyForm form, gsize len, const char *type, gsize type_len)
{
  self->form = form;
  self->data = (const guint8 *) self->tail;
  self->len = len;
  self->size = len;
  if (form == CHAN_BODY_SERIALISED)
    self->type = g_strndup (type, type_len);
  return self;
}

/* --- views --------------------------------------------------------------- */

ChanBodyForm
chan_body_get_form (ChanBody *self)
{
  return self->form;
}

const guint8 *
chan_body_peek_data (ChanBody *self, gsize *len)
{
  *len = self->len;
  return self->data;
}

const char *
chan_body_peek_type (ChanBody *self)
{
  return self->type;
}

gsize
chan_body_get_size (ChanBody *self)
{
  return self->size;
}

/* Part of `data` as GBytes: keeps the memory, not the body, or a view held by
 * the body would keep it alive for ever. */
static GBytes *
share_data (ChanBody *self, gsize offset, gsize len)
{
  if (self->source != NULL)
    return g_bytes_new_from_bytes (self->source, offset, len);
  g_atomic_int_inc (&self->memory_count);
  return g_bytes_new_with_free_func (self->data + offset, len, memory_unref, self);
}

GBytes *
chan_body_dup_data (ChanBody *self)
{
  return share_data (self, 0, self->len);
}

/* Sets `*slot` unless another thread was faster; consumes `view` either way. */
static gpointer
publish (gpointer slot, gpointer view, GDestroyNotify free_view)
{
  if (g_atomic_pointer_compare_and_exchange ((gpointer *) slot, NULL, view))
    return view;
  free_view (view);
  return g_atomic_pointer_get ((gpointer *) slot);
}

static GVariant *
build_variant (ChanBody *self)
{
  g_autoptr (GBytes) data = NULL;
  const char *type = self->form == CHAN_BODY_BYTES ? "ay" : self->type;

  if (self->form == CHAN_BODY_MSGPACK && chan_body_get_bytes (self) == NULL)
    return chan_msgpack_to_variant (self->data, self->len);
  if (self->form == CHAN_BODY_MSGPACK)
    {
      data = g_bytes_ref (self->bytes);
      type = "ay";
    }
  else
    data = chan_body_dup_data (self);
  return g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (type), data, TRUE));
}

GVariant *
chan_body_get_variant (ChanBody *self)
{
  GVariant *variant = g_atomic_pointer_get (&self->variant);

  if (variant != NULL)
    return variant;
  return publish (&self->variant, build_variant (self), (GDestroyNotify) g_variant_unref);
}

static GBytes *
build_bytes (ChanBody *self)
{
  ChanMsgpackItem item;

  switch (self->form)
    {
    case CHAN_BODY_BYTES:
      return chan_body_dup_data (self);
    case CHAN_BODY_VARIANT:
      if (!g_variant_is_of_type (self->variant, G_VARIANT_TYPE_BYTESTRING))
        return NULL;
      return g_variant_get_data_as_bytes (self->variant);
    case CHAN_BODY_MSGPACK:
      chan_msgpack_item_read (&item, self->data, self->len);
      if (item.type != CHAN_MSGPACK_BIN)
        return NULL;
      return share_data (self, item.head, item.length);
    case CHAN_BODY_SERIALISED:
    default:
      return NULL;
    }
}

GBytes *
chan_body_get_bytes (ChanBody *self)
{
  GBytes *bytes = g_atomic_pointer_get (&self->bytes);

  if (bytes == NULL && (bytes = build_bytes (self)) != NULL)
    return publish (&self->bytes, bytes, (GDestroyNotify) g_bytes_unref);
  return bytes;
}

GBytes *
chan_body_peek_msgpack (ChanBody *self)
{
  GBytes *msgpack = g_atomic_pointer_get (&self->msgpack);

  if (msgpack != NULL || self->form != CHAN_BODY_MSGPACK)
    return msgpack;
  return publish (&self->msgpack, chan_body_dup_data (self), (GDestroyNotify) g_bytes_unref);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Makes a GVariant of the parts of a JSON value, and reads the tags. Values are
 * pushed on one stack; the end of a list makes one value of those above the mark
 * that its begin set. A member of an object is its key, a string, then its value.
 * FALSE: failed, with the error set. */
typedef struct
{
  GPtrArray *stack; /* of GVariant, none floating */
  gsize n_handles;
  guint depth; /* of the GVariant around what is pushed next */
  GError **error;
} ChanJsonBuilder;

void      chan_json_builder_init         (ChanJsonBuilder *self, gsize n_handles, GError **error);
/* The value, transfer full, or NULL if it is not complete. Frees the rest. */
GVariant *chan_json_builder_end          (ChanJsonBuilder *self, gboolean complete);

gboolean  chan_json_builder_push         (ChanJsonBuilder *self, GVariant *value);
gboolean  chan_json_builder_begin_object (ChanJsonBuilder *self, guint *mark);
gboolean  chan_json_builder_end_object   (ChanJsonBuilder *self, guint mark);
gboolean  chan_json_builder_begin_array  (ChanJsonBuilder *self, guint *mark);
gboolean  chan_json_builder_end_array    (ChanJsonBuilder *self, guint mark);
gboolean  chan_json_builder_fail         (ChanJsonBuilder *self, const char *what, const char *which);

G_END_DECLS

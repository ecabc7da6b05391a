/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-row.h"

#define LATE 0.5  /* seconds that a sender waited, which are worth to be told */

enum
{
  PROP_WHO = 1,
  PROP_TEXT,
  PROP_NOTE,
  PROP_WHEN,
  N_PROPS,
};

struct _WatchRow
{
  GObject parent_instance;
  char *texts[N_PROPS];
};

G_DEFINE_FINAL_TYPE (WatchRow, watch_row, G_TYPE_OBJECT)

static void
watch_row_finalize (GObject *object)
{
  WatchRow *self = WATCH_ROW (object);

  for (guint i = 0; i < N_PROPS; i++)
    g_free (self->texts[i]);
  G_OBJECT_CLASS (watch_row_parent_class)->finalize (object);
}

static void
watch_row_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  WatchRow *self = WATCH_ROW (object);

  if (id < N_PROPS)
    g_value_set_string (value, self->texts[id]);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
watch_row_class_init (WatchRowClass *klass)
{
  static const char *const names[N_PROPS] = { NULL, "who", "text", "note", "when" };
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = watch_row_finalize;
  object_class->get_property = watch_row_get_property;
  for (guint i = PROP_WHO; i < N_PROPS; i++)
    g_object_class_install_property (object_class, i, g_param_spec_string (names[i], NULL, NULL, NULL,
                                                                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
watch_row_init (WatchRow *self)
{
}

static GVariant *
lookup (ChanMessage *message, const char *key)
{
  GVariant *body = chan_message_get_body (message);

  return g_variant_is_of_type (body, G_VARIANT_TYPE_VARDICT) ? g_variant_lookup_value (body, key, NULL) : NULL;
}

/* A text, a number, …; NULL: there is none of these. */
static char *
dup_text (ChanMessage *message, const char *key)
{
  g_autoptr (GVariant) value = lookup (message, key);

  if (value == NULL || !g_variant_is_of_type (value, G_VARIANT_TYPE_BASIC))
    return NULL;
  return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ? g_variant_dup_string (value, NULL) : g_variant_print (value, FALSE);
}

static char *
dup_note (ChanMessage *message)
{
  g_autoptr (GVariant) value = lookup (message, "Waited");
  char seconds[G_ASCII_DTOSTR_BUF_SIZE];
  double waited = 0;

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    waited = g_variant_get_double (value);
  else if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    waited = (double) g_variant_get_int64 (value);
  if (!(waited >= LATE))
    return g_strdup ("");
  return g_strdup_printf ("the sender waited %s s", g_ascii_formatd (seconds, sizeof seconds, "%.1f", waited));
}

WatchRow *
watch_row_new (ChanMessage *message)
{
  WatchRow *self = g_object_new (WATCH_TYPE_ROW, NULL);
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();

  self->texts[PROP_WHO] = dup_text (message, "From");
  self->texts[PROP_TEXT] = dup_text (message, "Text");
  self->texts[PROP_NOTE] = dup_note (message);
  self->texts[PROP_WHEN] = g_date_time_format (now, "%H:%M:%S");
  if (self->texts[PROP_TEXT] == NULL)
    self->texts[PROP_TEXT] = chan_message_to_json (message);
  return self;
}

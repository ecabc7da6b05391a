/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>

G_BEGIN_DECLS

/* The options of a session or a listener: one table for configuration keys
 * (CaFile), URI parameters (ca-file) and the API (ca-file). */

#define CHAN_TYPE_OPTIONS (chan_options_get_type ())

CHAN_API
G_DECLARE_FINAL_TYPE (ChanOptions, chan_options, CHAN, OPTIONS, GObject)

CHAN_API ChanOptions *chan_options_new         (void);
CHAN_API ChanOptions *chan_options_copy        (ChanOptions *self);
CHAN_API gboolean     chan_options_set         (ChanOptions *self, const char *name, const char *value, GError **error);
CHAN_API gboolean     chan_options_set_from_uri (ChanOptions *self, GUri *uri, GError **error);
CHAN_API gint64       chan_options_get_int     (ChanOptions *self, const char *name);
CHAN_API gboolean     chan_options_get_boolean (ChanOptions *self, const char *name);
CHAN_API const char  *chan_options_get_string  (ChanOptions *self, const char *name);
CHAN_API gboolean     chan_options_is_set      (ChanOptions *self, const char *name);
CHAN_API char       **chan_options_list_names  (void);

G_END_DECLS

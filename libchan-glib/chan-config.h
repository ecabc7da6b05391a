/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>

G_BEGIN_DECLS

#define CHAN_TYPE_CONFIG (chan_config_get_type ())

CHAN_API
G_DECLARE_FINAL_TYPE (ChanConfig, chan_config, CHAN, CONFIG, GObject)

CHAN_API ChanConfig *chan_config_new            (void);
CHAN_API gboolean    chan_config_load           (ChanConfig *self, GError **error);
CHAN_API gboolean    chan_config_load_file      (ChanConfig *self, const char *path, GError **error);
CHAN_API char      **chan_config_resolve        (ChanConfig *self, const char *uri_or_name, GError **error);
CHAN_API char      **chan_config_list_endpoints (ChanConfig *self);
CHAN_API char      **chan_config_list_sources   (ChanConfig *self);
CHAN_API char       *chan_config_to_string      (ChanConfig *self);

G_END_DECLS

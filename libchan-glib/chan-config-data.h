/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The keys of several configuration files, checked and merged: the later file
 * wins key by key. Plain data, no search and no environment. */
typedef struct
{
  GKeyFile *keys;      /* option keys in their one spelling, file names absolute */
  GHashTable *origins; /* "group\nkey" -> file */
  GPtrArray *sources;  /* of char *, in the order they were added */
} ChanConfigData;

ChanConfigData *chan_config_data_new      (void);
ChanConfigData *chan_config_data_copy     (const ChanConfigData *self);
void            chan_config_data_free     (ChanConfigData *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanConfigData, chan_config_data_free)

/* FALSE: self may have a part of the file, throw it away. Errors: BAD_CONFIG with
 * file, group and key; G_FILE_ERROR if it cannot be read. */
gboolean        chan_config_data_add_file (ChanConfigData *self, const char *path, GError **error);
/* "FILE: [group] key" for an error message. */
char           *chan_config_data_place    (const ChanConfigData *self, const char *group, const char *key);

/* BAD_CONFIG. What was configured may be anything, what an error says is UTF-8. */
void            chan_config_set_error     (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Checks that text is a URI with parameters that exist. Transfer full. */
GUri           *chan_config_parse_uri     (const char *text, GError **error);
gboolean        chan_config_name_is_valid (const char *name);

#define CHAN_CONFIG_GROUP "Chan"
#define CHAN_CONFIG_ENDPOINT_PREFIX "Endpoint "
#define CHAN_CONFIG_TRANSPORT_PREFIX "Transport "

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The configuration files that are there, the one that wins last. *required: they
 * are named by CHAN_CONFIG, and must exist. Transfer full. */
char      **chan_config_search      (gboolean *required);

/* The variable that sets an endpoint: CHAN_ENDPOINT_<NAME>. */
char       *chan_config_variable    (const char *endpoint);
/* Its value, or NULL. */
const char *chan_config_from_environment (const char *variable);
/* Names, in small letters, of the endpoints that the environment sets. Transfer full. */
char      **chan_config_list_environment (void);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* The body of a message <-> JSON with tags; the mapping is documented at
 * chan_message_new_from_json(). */

/* From text or a node of any origin; every `h` in the result is < n_handles.
 * Transfer full, not floating. */
GVariant *chan_message_json_parse     (const char *text, gsize n_handles, GError **error);
GVariant *chan_message_json_from_node (JsonNode *node, gsize n_handles, GError **error);

/* Never fail. */
JsonNode *chan_message_json_to_node   (GVariant *body);
char     *chan_message_json_print     (GVariant *body);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Appends a value as tagged JSON on one line; the mapping is documented at
 * chan_message_new_from_json(). Never fails.
 *
 * Not json-glib's generator: 1.6 drops U+001F from strings and writes 1e22 as
 * "1e+22.0". */
void chan_json_write (GString *out, GVariant *value);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* GLib finds wrong escapes, too, but does not say where, and takes %00 for wrong UTF-8. The error is a BAD_CONFIG. */
gboolean chan_uri_check_escapes (const char *text, GError **error);

G_END_DECLS

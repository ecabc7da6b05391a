/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fuzz-input.h"
#include "libchan-glib/wire/chan-codec.h"

G_BEGIN_DECLS

/* Decodes every message of `data`, whole and in pieces of `step`, and aborts if
 * the two differ, if a view is not what GLib calls normal, or if a message,
 * encoded again, does not come back the same. */
void fuzz_decode (ChanSpdyDialect dialect, const guint8 *data, gsize len, gsize step);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "wire/chan-limits.h"

G_BEGIN_DECLS

/* Whether text is one JSON value (RFC 8259) that can be kept exactly. Allocates
 * nothing; text[length] is NUL.
 *
 * Limits: length <= message_memory, values <= message_nodes, nesting <=
 * message_depth. Beyond the grammar it demands UTF-8, whole numbers that fit 64
 * bits with sign, other numbers that are finite, and strings without U+0000 and
 * lone surrogates. Keys that occur twice are found when the text is read.
 *
 * Errors: G_IO_ERROR_INVALID_DATA with the byte where it is, TOO_LARGE,
 * TOO_COMPLEX. */
gboolean chan_json_check (const char *text, gsize length, const ChanLimits *limits, GError **error);

G_END_DECLS

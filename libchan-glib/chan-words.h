/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Text that a peer chose, and that is kept. */

/* As much of what it says of an error as is kept: chan_limits_default.text_bytes, in UTF-8. */
char    *chan_words_dup     (const char *text);
/* The error as it is kept; each channel of a session has a copy. */
GError  *chan_words_error   (const GError *error);
/* As a channel's name: in UTF-8, and of chan_limits_default.name_bytes at most. NULL is none, and right. */
gboolean chan_words_is_name (const char *name);

G_END_DECLS

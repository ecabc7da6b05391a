/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* " (did you mean a or b?)" for an error message, or "" if no name is near. */
char *chan_near_names (const char *word, const char *const *names);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-options.h>

G_BEGIN_DECLS

/* Aborts if an option has a value that its description forbids, or if limits do
 * not follow from it. */
void  fuzz_options_check       (ChanOptions *options);
/* Aborts unless it is BAD_CONFIG, with a text that can be shown. */
void  fuzz_options_check_error (const GError *error);
/* All that are set, as text. Transfer full. */
char *fuzz_options_print       (ChanOptions *options);

G_END_DECLS

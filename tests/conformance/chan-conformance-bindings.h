/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The suite for transports that are written in another language and registered in this process. This header is
 * what its typelib, ChanConformance, is made of. */

int chan_conformance_run_here   (const char *uri, char **argv);
int chan_conformance_run_beside (const char *uri, char **argv);

G_END_DECLS

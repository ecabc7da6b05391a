/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Keys are never in a URI: certificates, and a configuration that names them. The name of their directory. */
char *chan_conformance_tls_begin (void);
void  chan_conformance_tls_end   (char *directory); /* takes it */

G_END_DECLS

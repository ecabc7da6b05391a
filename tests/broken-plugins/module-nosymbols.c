/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gmodule.h>

/* A library that is no module at all. */
G_MODULE_EXPORT int broken_nosymbols (void);

int
broken_nosymbols (void)
{
  return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broken-module.h"

/* Built against another version of something: a function is missing. */
void broken_function_that_nobody_has (void);

BROKEN_MODULE (undefined)

void
g_io_chantransport_undefined_load (GIOModule *module)
{
  broken_function_that_nobody_has ();
}

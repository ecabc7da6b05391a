/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broken-module.h"

BROKEN_MODULE (nothing)

void
g_io_chantransport_nothing_load (GIOModule *module)
{
}

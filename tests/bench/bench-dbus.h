/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bench.h"

G_BEGIN_DECLS

/* A bus of the item's own: its D-Bus address. It ends with this process. */
char *bench_dbus_start (void);
/* Where the items of the library over D-Bus listen; starts the bus, if it is one. */
char *bench_dbus_uri   (const BenchItem *item);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "bench.h"

G_BEGIN_DECLS

/* The server of the items over a connection. */
void      bench_serve     (const BenchItem *item, int control);
/* A small dictionary (floating), and reading it */
GVariant *bench_dict      (guint64 number);
void      bench_read_dict (GVariant *dict);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bench.h"

G_BEGIN_DECLS

/* Loopback sockets: TCP, or Unix for items of that transport. */
int bench_socket_listen  (const BenchItem *item, char *address, gsize len);
int bench_socket_accept  (int listener);
int bench_socket_connect (const BenchItem *item, const char *address);

G_END_DECLS

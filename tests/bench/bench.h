/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What one measurement needs to know. Each runs in two processes of its own, so
 * that none inherits the state of another; only memory: has one. */
typedef struct _BenchItem BenchItem;
struct _BenchItem
{
  const char *name;
  const char *against;   /* the items that it is compared with, a space between; NULL: a base */
  const char *unit;
  const char *transport; /* tcp, unix, tls, memory, dbus-message, dbus-direct, dbus-peer; bus and peer for others */
  gboolean one_core;     /* both processes on one CPU: the whole path, without the waking of another */
  gboolean less;         /* less is better */
  guint64 n;             /* operations */
  gsize size;            /* bytes of one */
  const char *mode;      /* for the two functions */
  /* Writes its address as a line to `control`, then serves until it is killed. NULL: one process */
  void (*serve) (const BenchItem *item, int control);
  /* Gives the value in the item's unit. */
  double (*run) (const BenchItem *item, const char *address);
};

typedef struct
{
  double value;
  double cpu_us; /* of both processes, for one operation */
} BenchResult;

/* In processes of its own; FALSE: it failed, and said why. */
gboolean    bench_measure   (const BenchItem *item, BenchResult *ret);
/* For items */
double      bench_seconds   (void);
double      bench_value     (const BenchItem *item, double seconds);
void        bench_say       (int control, const char *address);
void        bench_fail      (const char *what, const GError *error) G_GNUC_NORETURN;
/* A directory with certificates and the configuration that names them, made by main() */
extern const char *bench_directory;

const BenchItem *bench_raw_items  (guint *n);
const BenchItem *bench_tls_items  (guint *n);
const BenchItem *bench_chan_items (guint *n);
const BenchItem *bench_local_items (guint *n);
const BenchItem *bench_dbus_items (guint *n);  /* none where no dbus-daemon is */
const BenchItem *bench_sdbus_items (guint *n); /* only where libsystemd is */
const BenchItem *bench_chan_dbus_items (guint *n);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures the library beside raw sockets and raw GnuTLS, in turns within one
 * run, for only their ratios carry over to another machine or another hour. */
#include "bench.h"

#include <glib/gstdio.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../support/chan-test-certs.h"

#define MAX_ITEMS 64
#define MAX_ROUNDS 99

const char *bench_directory;

static int rounds = 5;
static double scale = 1;
static gboolean list_only;
static char **filters;

static const GOptionEntry options[] = {
  { "rounds", 'r', 0, G_OPTION_ARG_INT, &rounds, "How often each is measured (5)", "N" },
  { "scale", 's', 0, G_OPTION_ARG_DOUBLE, &scale, "Times the operations of each (1)", "FACTOR" },
  { "list", 'l', 0, G_OPTION_ARG_NONE, &list_only, "List the measurements, and do none", NULL },
  { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &filters, NULL, "[NAME…]" },
  G_OPTION_ENTRY_NULL,
};

typedef struct
{
  BenchItem item;
  gboolean wanted;
  guint n;
  double values[MAX_ROUNDS], cpu[MAX_ROUNDS];
} Row;

static Row rows[MAX_ITEMS];
static guint n_rows;

static void
collect (const BenchItem *(*get) (guint *n))
{
  guint n;
  const BenchItem *items = get (&n);

  for (guint i = 0; i < n; i++)
    {
      Row *row = &rows[n_rows++];

      g_assert (n_rows <= MAX_ITEMS);
      row->item = items[i];
      row->item.n = (guint64) MAX (1, (double) row->item.n * scale);
    }
}

static Row *
find (const char *name)
{
  for (guint i = 0; name != NULL && i < n_rows; i++)
    if (g_str_equal (rows[i].item.name, name))
      return &rows[i];
  return NULL;
}

/* A whole name is that one; a part of names, all that have it. */
static void
apply_filters (void)
{
  for (char **filter = filters; filter != NULL && *filter != NULL; filter++)
    {
      Row *exact = find (*filter);

      for (guint i = 0; i < n_rows; i++)
        if (exact != NULL ? &rows[i] == exact : strstr (rows[i].item.name, *filter) != NULL)
          rows[i].wanted = TRUE;
    }
  for (guint i = 0; filters == NULL && i < n_rows; i++)
    rows[i].wanted = TRUE;
}

/* The n'th of those that it is compared with; NULL: there are no more. One that is not built is passed over. */
static Row *
base_of (const Row *row, guint n)
{
  g_auto (GStrv) names = row->item.against != NULL ? g_strsplit (row->item.against, " ", -1) : NULL;

  for (char **name = names; name != NULL && *name != NULL; name++)
    {
      Row *base = find (*name);

      if (base != NULL && n-- == 0)
        return base;
    }
  return NULL;
}

/* Whatever is compared needs what it is compared with. */
static void
want_bases (void)
{
  for (gboolean more = TRUE; more;)
    {
      more = FALSE;
      for (guint i = 0; i < n_rows; i++)
        for (guint n = 0; rows[i].wanted && base_of (&rows[i], n) != NULL; n++)
          {
            Row *base = base_of (&rows[i], n);

            more = more || !base->wanted;
            base->wanted = TRUE;
          }
    }
}

static int
compare (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
median (const double *values, guint n)
{
  double sorted[MAX_ROUNDS];

  memcpy (sorted, values, n * sizeof *values);
  qsort (sorted, n, sizeof *sorted, compare);
  return n % 2 != 0 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static void
spread (const Row *row, double *least, double *most)
{
  *least = *most = row->values[0];
  for (guint i = 1; i < row->n; i++)
    {
      *least = MIN (*least, row->values[i]);
      *most = MAX (*most, row->values[i]);
    }
}

static void
print_row (const Row *row)
{
  const Row *base;
  double value = median (row->values, row->n), least, most;

  spread (row, &least, &most);
  g_print ("%-30s %10.3f %-5s [%.3f..%.3f]  cpu %.3f µs", row->item.name, value, row->item.unit, least, most, median (row->cpu, row->n));
  for (guint n = 0; (base = base_of (row, n)) != NULL; n++)
    if (base->n > 0)
      g_print ("  = %.2f × %s", value / median (base->values, base->n), base->item.name);
  g_print ("\n");
}

/* What is not there is not missed by who reads the figures. */
static void
print_left_out (void)
{
  guint n_dbus;

  bench_dbus_items (&n_dbus);
  if (n_dbus == 0)
    g_print ("left out: all of D-Bus, for there is no dbus-daemon\n");
#ifndef HAVE_SDBUS
  else
    g_print ("left out: sd-bus, for this was built without libsystemd (-Dbench_sdbus=enabled)\n");
#endif
}

static void
print_all (void)
{
  for (guint i = 0; i < n_rows; i++)
    if (rows[i].n > 0)
      print_row (&rows[i]);
  print_left_out ();
}

static gboolean
measure (void)
{
  gboolean ok = TRUE;

  for (int round = 0; round < rounds; round++)
    for (guint i = 0; i < n_rows; i++)
      {
        BenchResult result;

        if (!rows[i].wanted)
          continue;
        g_printerr ("round %d of %d: %-40s\r", round + 1, rounds, rows[i].item.name);
        if (!bench_measure (&rows[i].item, &result))
          {
            g_printerr ("\n%s failed\n", rows[i].item.name);
            ok = FALSE;
            continue;
          }
        rows[i].values[rows[i].n] = result.value;
        rows[i].cpu[rows[i].n++] = result.cpu_us;
      }
  g_printerr ("%60s\r", "");
  return ok;
}

/* Certificates, and the configuration that names them. */
static char *
make_directory (void)
{
  g_autoptr (GError) error = NULL;
  char *directory = g_dir_make_tmp ("chan-bench-XXXXXX", &error);
  g_autofree char *config = g_build_filename (directory, "chan.conf", NULL);
  g_autofree char *text = g_strdup_printf ("[Transport tls]\nCaFile=%s/ca.pem\nCertificateFile=%s/server.pem\nPrivateKeyFile=%s/server.key\n",
                                           directory, directory, directory);

  if (directory == NULL || !chan_test_certs_write (directory, &error) || !g_file_set_contents (config, text, -1, &error))
    g_error ("%s", error->message);
  g_setenv ("CHAN_CONFIG", config, TRUE);
  return directory;
}

static void
remove_directory (const char *path)
{
  GDir *directory = g_dir_open (path, 0, NULL);
  const char *name;

  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      g_unlink (file);
    }
  g_clear_pointer (&directory, g_dir_close);
  g_rmdir (path);
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *directory = NULL;
  gboolean ok;

  setlocale (LC_ALL, "");
  setlocale (LC_NUMERIC, "C");
  signal (SIGPIPE, SIG_IGN);
  g_option_context_set_summary (context, "Measures those whose name contains a NAME, or all, in turns; prints medians, spreads and ratios.");
  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || rounds < 1 || rounds > MAX_ROUNDS || !(scale > 0))
    {
      g_printerr ("chan-bench: %s\n", error != NULL ? error->message : "--rounds is 1 to 99, and --scale above 0");
      return 2;
    }
  collect (bench_raw_items);
  collect (bench_tls_items);
  collect (bench_local_items);
  collect (bench_chan_items);
  collect (bench_dbus_items);
#ifdef HAVE_SDBUS
  collect (bench_sdbus_items);
#endif
  collect (bench_chan_dbus_items);
  apply_filters ();
  want_bases ();
  for (guint i = 0; list_only && i < n_rows; i++)
    g_print ("%s\n", rows[i].item.name);
  if (list_only)
    return 0;
  bench_directory = directory = make_directory ();
  ok = measure ();
  print_all ();
  remove_directory (directory);
  return ok ? 0 : 1;
}

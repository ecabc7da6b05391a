/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <glib/gstdio.h>

#include "chan-conformance-pair.h"
#include "chan-conformance-tls.h"

/* An end that came over one transport goes on over another: test-pairs FIRST SECOND [options] */

typedef struct
{
  const char *name;
  ChanConformanceFlags flags; /* beside those that all have */
} Hop;

static const Hop hops[] = {
  { "memory", CHAN_CONFORMANCE_FDS },
  { "tcp", CHAN_CONFORMANCE_WINDOWS },
  { "tls", CHAN_CONFORMANCE_WINDOWS },
  { "unix", CHAN_CONFORMANCE_WINDOWS | CHAN_CONFORMANCE_FDS },
};

static const Hop *first, *second;
static char *directory;

static char *
new_uri (const Hop *hop)
{
  static guint n_pairs;

  n_pairs++;
  if (g_str_equal (hop->name, "memory"))
    return g_strdup_printf ("memory:pair-%u", n_pairs);
  if (g_str_equal (hop->name, "unix"))
    return g_strdup_printf ("unix:%s/%u", directory, n_pairs);
  return g_strdup_printf ("%s://127.0.0.1:0", hop->name);
}

static void
make_first (const char *parameters, ChanSession **a, ChanSession **b)
{
  g_autofree char *uri = new_uri (first);

  chan_conformance_connect_pair (uri, parameters, a, b);
}

static void
make_second (const char *parameters, ChanSession **a, ChanSession **b)
{
  g_autofree char *uri = new_uri (second);

  chan_conformance_connect_pair (uri, parameters, a, b);
}

static const Hop *
find_hop (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (hops); i++)
    if (g_strcmp0 (hops[i].name, name) == 0)
      return &hops[i];
  g_error ("usage: test-pairs FIRST SECOND [options], of memory, tcp, tls and unix");
}

int
main (int argc, char **argv)
{
  ChanConformanceTransport pair = {
    .name = "pair",
    .make_pair = make_first,
    .make_second_pair = make_second,
  };
  int status;

  first = find_hop (argc > 2 ? argv[1] : NULL);
  second = find_hop (argv[2]);
  pair.flags = CHAN_CONFORMANCE_RENDEZVOUS | CHAN_CONFORMANCE_REASONS | CHAN_CONFORMANCE_OPTIONS | (first->flags & second->flags);
  argv[2] = argv[0];
  directory = chan_conformance_tls_begin ();
  status = chan_conformance_run (argc - 2, argv + 2, &pair);
  chan_conformance_tls_end (directory);
  return status;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <glib/gstdio.h>

#include "chan-conformance-pair.h"
#include "chan-conformance-tls.h"

#include "tests/support/chan-test-bus.h"

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
  { "dbus-message", CHAN_CONFORMANCE_WINDOWS | CHAN_CONFORMANCE_FDS }, /* from peer to peer */
  { "dbus-direct", CHAN_CONFORMANCE_WINDOWS | CHAN_CONFORMANCE_FDS },  /* the same */
  { "dbus-bus", CHAN_CONFORMANCE_WINDOWS | CHAN_CONFORMANCE_FDS },     /* messages, by way of a dbus-daemon */
};

static const Hop *first, *second;
static char *directory;
static ChanTestBus *test_bus; /* if one of the two is dbus-bus */

static char *
new_uri (const Hop *hop)
{
  static guint n_pairs;

  n_pairs++;
  if (g_str_equal (hop->name, "memory"))
    return g_strdup_printf ("memory:pair-%u", n_pairs);
  if (g_str_equal (hop->name, "unix"))
    return g_strdup_printf ("unix:%s/%u", directory, n_pairs);
  if (g_str_equal (hop->name, "dbus-bus"))
    return g_strdup_printf ("dbus:unix:path=%s/bus?direct=never&name=org.libchan.Test%u", test_bus->directory, n_pairs);
  if (g_str_has_prefix (hop->name, "dbus-"))
    return g_strdup_printf ("dbus:unix:path=%s/%u?direct=%s", directory, n_pairs, strstr (hop->name, "direct") != NULL ? "require" : "never");
  return g_strdup_printf ("%s://127.0.0.1:0", hop->name);
}

static void
make (const Hop *hop, const char *parameters, ChanSession **a, ChanSession **b)
{
  g_autofree char *plain = new_uri (hop);
  g_autofree char *more = NULL;

  /* Behind those that the URI has already; without any, both sides get them from what is called here. */
  if (parameters != NULL && strchr (plain, '?') != NULL)
    more = g_strconcat (plain, "&", parameters, NULL);
  chan_conformance_connect_pair (more != NULL ? more : plain, parameters, a, b);
}

static void
make_first (const char *parameters, ChanSession **a, ChanSession **b)
{
  make (first, parameters, a, b);
}

static void
make_second (const char *parameters, ChanSession **a, ChanSession **b)
{
  make (second, parameters, a, b);
}

static const Hop *
find_hop (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (hops); i++)
    if (g_strcmp0 (hops[i].name, name) == 0)
      return &hops[i];
  g_error ("usage: test-pairs FIRST SECOND [options], of memory, tcp, tls, unix, dbus-message, dbus-direct and dbus-bus");
}

static gboolean
needs_bus (const Hop *hop)
{
  return g_str_equal (hop->name, "dbus-bus");
}

int
main (int argc, char **argv)
{
  ChanConformanceTransport pair = {
    .name = "pair",
    .make_pair = make_first,
    .make_second_pair = make_second,
    .kill_link = chan_conformance_cut_pair,
  };
  int status;

  first = find_hop (argc > 2 ? argv[1] : NULL);
  second = find_hop (argv[2]);
  pair.flags = CHAN_CONFORMANCE_RENDEZVOUS | CHAN_CONFORMANCE_REASONS | CHAN_CONFORMANCE_OPTIONS | (first->flags & second->flags);
  argv[2] = argv[0];
  directory = chan_conformance_tls_begin ();
  if (needs_bus (first) || needs_bus (second))
    test_bus = chan_test_bus_start (NULL);
  status = chan_conformance_run (argc - 2, argv + 2, &pair);
  g_clear_pointer (&test_bus, chan_test_bus_stop);
  chan_conformance_tls_end (directory);
  return status;
}

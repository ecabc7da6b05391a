/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-dbus.h"

#include "tests/support/chan-test-bus.h"

static ChanTestBus *test_bus;
static const char *direct_option;
static gboolean over_bus;

static void
make_pair (const char *parameters, ChanSession **a, ChanSession **b)
{
  static guint n_pairs;
  g_autofree char *uri = NULL;
  const char *separator = parameters != NULL ? "&" : "";

  parameters = parameters != NULL ? parameters : "";
  n_pairs++;
  if (over_bus)
    uri = g_strdup_printf ("dbus:unix:path=%s/bus?name=org.libchan.Test%u&direct=%s%s%s", test_bus->directory, n_pairs, direct_option,
                           separator, parameters);
  else
    uri = g_strdup_printf ("dbus:unix:path=%s/peer-%u?direct=%s%s%s", test_bus->directory, n_pairs, direct_option, separator,
                           parameters);
  chan_conformance_connect_pair (uri, NULL, a, b);
}

int
chan_conformance_run_dbus (int argc, char **argv, const char *name, gboolean bus, const char *direct)
{
  ChanConformanceTransport dbus = {
    .name = name,
    .flags = CHAN_CONFORMANCE_RENDEZVOUS | CHAN_CONFORMANCE_REASONS | CHAN_CONFORMANCE_OPTIONS
             | CHAN_CONFORMANCE_WINDOWS | CHAN_CONFORMANCE_FDS,
    .make_pair = make_pair,
    .kill_link = chan_conformance_cut_sockets,
  };
  int status;

  test_bus = chan_test_bus_start (NULL);
  direct_option = direct;
  over_bus = bus;
  status = chan_conformance_run (argc, argv, &dbus);
  chan_test_bus_stop (test_bus);
  return status;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-dbus.h"

int
main (int argc, char **argv)
{
  return chan_conformance_run_dbus (argc, argv, "dbus-bus-message", TRUE, "never");
}

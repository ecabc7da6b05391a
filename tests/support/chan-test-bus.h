/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A bus of the test's own: a real dbus-daemon, with nobody else on it. It ends with the test, however that ends. */
typedef struct
{
  char *directory; /* for the test's sockets too */
  char *address;
  GPid pid;
} ChanTestBus;

/* more: elements of the configuration, such as limits; nullable */
ChanTestBus *chan_test_bus_start (const char *more);
/* Without warning, as if it had crashed. */
void         chan_test_bus_kill  (ChanTestBus *self);
void         chan_test_bus_stop  (ChanTestBus *self);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-conformance-pair.h"

G_BEGIN_DECLS

/* name: bus: over a dbus-daemon of its own; else from peer to peer. direct: the option. */
int chan_conformance_run_dbus (int argc, char **argv, const char *name, gboolean bus, const char *direct);

G_END_DECLS

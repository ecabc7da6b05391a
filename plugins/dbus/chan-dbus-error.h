/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include <libchan-glib/chan-error.h>

G_BEGIN_DECLS

/* Errors as names on the bus: org.libchan.Error.Closed, and so on. */

const char      *chan_dbus_error_name (ChanChannelError code);
/* The nearest code for a name; names of the bus too. */
ChanChannelError chan_dbus_error_code (const char *name);
/* A failed call as an error in our domain; `what` begins its text. */
GError          *chan_dbus_error_new  (const GError *failure, const char *what);
void             chan_dbus_return_error (GDBusMethodInvocation *invocation, ChanChannelError code, const char *text);

G_END_DECLS

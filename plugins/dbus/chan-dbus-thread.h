/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The plugin's own thread, with a main context: connections are made there, and
 * the methods of exported objects are called there. Never on the way of a
 * message. Started at first need; it never runs code of the application. */

typedef void (*ChanDBusFunc) (gpointer data);

/* Calls func there, soon and in order. Any thread. */
void     chan_dbus_thread_call (ChanDBusFunc func, gpointer data);
/* Calls func there at the monotonic time. */
GSource *chan_dbus_thread_call_after (guint ms, ChanDBusFunc func, gpointer data);
gboolean chan_dbus_thread_is_current (void);

G_END_DECLS

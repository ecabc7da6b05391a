/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-hand.h"
#include "chan-dbus-thread.h"

/* A call that waits ends before its caller gives up (25 s is what tools wait),
 * and when its caller is gone: what is received for nobody would be lost. */

#define WAIT_MS 20000

struct _ChanDBusWait
{
  GCancellable *cancellable;
  GSource *timeout;
  guint watch;
  gboolean timed_out;
};

static void
too_long (gpointer data)
{
  ChanDBusWait *self = data;

  self->timed_out = TRUE;
  g_cancellable_cancel (self->cancellable);
}

static void
caller_gone (GDBusConnection *connection, const char *name, gpointer data)
{
  g_cancellable_cancel (((ChanDBusWait *) data)->cancellable);
}

ChanDBusWait *
chan_dbus_wait_new (ChanDBusHand *hand, GDBusMethodInvocation *invocation)
{
  ChanDBusWait *self = g_new0 (ChanDBusWait, 1);
  const char *sender = g_dbus_method_invocation_get_sender (invocation);

  self->cancellable = g_cancellable_new ();
  self->timeout = chan_dbus_thread_call_after (WAIT_MS, too_long, self);
  if (sender != NULL && chan_dbus_bus_is_bus (chan_dbus_hand_get_bus (hand)))
    self->watch = g_bus_watch_name_on_connection (g_dbus_method_invocation_get_connection (invocation), sender,
                                                  G_BUS_NAME_WATCHER_FLAGS_NONE, NULL, caller_gone, self, NULL);
  return self;
}

GCancellable *
chan_dbus_wait_get_cancellable (ChanDBusWait *self)
{
  return self->cancellable;
}

gboolean
chan_dbus_wait_timed_out (ChanDBusWait *self)
{
  return self->timed_out;
}

void
chan_dbus_wait_free (ChanDBusWait *self)
{
  if (self->watch != 0)
    g_bus_unwatch_name (self->watch);
  g_source_destroy (self->timeout);
  g_source_unref (self->timeout);
  g_object_unref (self->cancellable);
  g_free (self);
}

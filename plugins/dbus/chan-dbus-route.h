/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-dbus-bus.h"
#include "chan-dbus-inbox.h"

G_BEGIN_DECLS

/* Which session is meant by what comes over a connection: a filter in GDBus's
 * thread puts calls and replies into the inbox of their session, and nothing
 * else happens there. Slots of links call without waiting. */

/* With its NUL, the path of a session's object, here and at the peer: it is kept, and part of each call. */
#define CHAN_DBUS_PATH_SIZE 512

typedef struct _ChanDBusRouter ChanDBusRouter;

/* One to a connection; it belongs to the ChanDBusBus. */
ChanDBusRouter *chan_dbus_router_new  (GDBusConnection *connection, gboolean is_bus);
void            chan_dbus_router_free (ChanDBusRouter *self);
/* The connection is closed: every session hears of it. */
void            chan_dbus_router_lost (ChanDBusRouter *self);

/* A session's place. */
typedef struct
{
  ChanDBusBus *bus;
  ChanDBusInbox *inbox;
  char *path;         /* of the session's object */
  guint watch;        /* subscription to the end of the peer */
} ChanDBusRoute;

/* In the plugin's thread. base: the path below which the session's object is. From now on it is seen when the peer goes.
 * Fails if the peer owes too many answers of sessions that are over. */
ChanDBusRoute  *chan_dbus_route_new   (ChanDBusBus *bus, const char *peer, const char *base, gsize max_bytes, GError **error);
/* Any thread */
void            chan_dbus_route_free  (ChanDBusRoute *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanDBusRoute, chan_dbus_route_free)

/* A bus takes few unanswered calls of one connection. FALSE: not now; the inbox gets ROOM when there is some. Any thread */
gboolean        chan_dbus_route_may_call (ChanDBusRoute *self);
/* Takes the call. tag: comes back with the reply. Any thread; does not block. */
gboolean        chan_dbus_route_call  (ChanDBusRoute *self, GDBusMessage *call, guint64 tag, GError **error);
/* Calls the peer's Ping at an object that it need not have. func: in the plugin's thread, once, with what the peer or the bus
 * answered, or NULL: nothing in time. In the plugin's thread. FALSE: there are too many unanswered calls. */
typedef void  (*ChanDBusPingFunc) (GDBusMessage *reply, gpointer data); /* reply: transfer none */
gboolean        chan_dbus_route_ping  (ChanDBusRoute *self, guint timeout_ms, ChanDBusPingFunc func, gpointer data, GError **error);
/* Without a reply, or a reply itself; takes the message. */
void            chan_dbus_route_send  (ChanDBusRoute *self, GDBusMessage *message);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-session.h>

#include "chan-dbus-bus.h"

G_BEGIN_DECLS

/* A session by hand: the service's process has its client end too, and people
 * call that over D-Bus, with busctl or gdbus. All in the plugin's thread. */

typedef struct _ChanDBusHand ChanDBusHand;

/* Takes session. path: below it are the objects. user: the only one who may call. idle_sec: 0: for ever */
ChanDBusHand *chan_dbus_hand_new (ChanDBusBus *bus, ChanSession *session, const char *base, const char *opener, guint user, guint idle_sec);
/* The path of a new channel; NULL with error. The session lives on by itself. */
char         *chan_dbus_hand_open_channel (ChanDBusHand *self, const char *name, GError **error);
/* Ends it at once. */
void          chan_dbus_hand_end (ChanDBusHand *self);

/* For chan-dbus-hand-channel.c */
ChanDBusHand *chan_dbus_hand_ref     (ChanDBusHand *self);
void          chan_dbus_hand_unref   (ChanDBusHand *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanDBusHand, chan_dbus_hand_unref)
ChanDBusBus  *chan_dbus_hand_get_bus (ChanDBusHand *self);
/* end: a ChanSender or ChanReceiver, is taken. The path; NULL with error: there are too many. */
char         *chan_dbus_hand_add     (ChanDBusHand *self, GObject *end, GError **error);
void          chan_dbus_hand_remove  (ChanDBusHand *self, const char *path);

typedef void (*ChanDBusHandFunc) (ChanDBusHand *self, GDBusMethodInvocation *invocation, gpointer data);
/* Calls func if the caller is the user of the session, else answers with an error. data: kept by data_ref */
void          chan_dbus_hand_check   (ChanDBusHand *self, GDBusMethodInvocation *invocation, ChanDBusHandFunc func,
                                      gpointer data, GDestroyNotify data_unref);
/* Cancelled when the caller goes away or has waited so long. Free with the call. */
typedef struct _ChanDBusWait ChanDBusWait;
ChanDBusWait *chan_dbus_wait_new         (ChanDBusHand *hand, GDBusMethodInvocation *invocation);
GCancellable *chan_dbus_wait_get_cancellable (ChanDBusWait *self);
gboolean      chan_dbus_wait_timed_out   (ChanDBusWait *self);
void          chan_dbus_wait_free        (ChanDBusWait *self);

/* The object of a channel, until it is freed. */
typedef struct _ChanDBusHandChannel ChanDBusHandChannel;
ChanDBusHandChannel *chan_dbus_hand_channel_new  (ChanDBusHand *hand, const char *path, GObject *end, GError **error);
void                 chan_dbus_hand_channel_free (ChanDBusHandChannel *self);

void chan_dbus_return_failure (GDBusMethodInvocation *invocation, const GError *error);

G_END_DECLS

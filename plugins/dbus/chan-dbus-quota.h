/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Who may have how many unanswered calls of one connection. Peers share them
 * evenly, and the sessions of a peer its share. What a session leaves
 * unanswered counts on, until the peer answers or leaves the bus. No locks. */

typedef struct _ChanDBusQuota ChanDBusQuota;
typedef struct _ChanDBusDebtor ChanDBusDebtor; /* a peer */

ChanDBusQuota  *chan_dbus_quota_new  (void);
void            chan_dbus_quota_free (ChanDBusQuota *self);
/* A session begins. name: unique; NULL: the only peer there is. NULL is returned if calls of sessions that are over are
 * unanswered, and too many. */
ChanDBusDebtor *chan_dbus_quota_begin (ChanDBusQuota *self, const char *name);
/* It is over, and so many of its calls are not answered. */
void            chan_dbus_quota_end   (ChanDBusQuota *self, ChanDBusDebtor *debtor, guint n_calls);
/* n_calls: of the session */
gboolean        chan_dbus_quota_may_call (ChanDBusQuota *self, const ChanDBusDebtor *debtor, guint n_calls);
/* Of anybody: a call on which a session waits before it can begin. */
gboolean        chan_dbus_quota_has_room (ChanDBusQuota *self);
gboolean        chan_dbus_quota_is_unused (ChanDBusQuota *self);
void            chan_dbus_quota_call  (ChanDBusQuota *self, ChanDBusDebtor *debtor);
/* is_over: the session that made the call */
void            chan_dbus_quota_answer (ChanDBusQuota *self, ChanDBusDebtor *debtor, gboolean is_over);

G_END_DECLS

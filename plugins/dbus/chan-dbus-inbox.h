/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What came for a session, between GDBus's thread, which puts it in, and
 * whoever serves the session, who takes it out. */

typedef enum
{
  CHAN_DBUS_ITEM_CALL,  /* the peer calls */
  CHAN_DBUS_ITEM_LATE,  /* the answer to a call for which there was no room: in its place, when the session ends */
  CHAN_DBUS_ITEM_REPLY, /* to a call of ours */
  CHAN_DBUS_ITEM_ROOM,  /* for calls on the connection */
  CHAN_DBUS_ITEM_GONE,  /* the peer, or the connection */
} ChanDBusItemKind;

typedef struct
{
  ChanDBusItemKind kind;
  guint64 tag;           /* REPLY: as it was given with the call */
  GDBusMessage *message; /* CALL, LATE, REPLY */
} ChanDBusItem;

typedef struct
{
  gatomicrefcount ref_count;
  char *peer;     /* the only one who may call; NULL: whoever is at the other end of the connection */
  int event_fd;   /* readable while there is something */
  gsize max_bytes;
  /* Under the router's lock: */
  struct _ChanDBusDebtor *debtor; /* borrowed: the peer, in the router's quota */
  guint n_calls;                  /* of ours to it that are not answered */
  gboolean is_over;               /* the session */
  GMutex lock;    /* leaf; guards: */
  GQueue items;   /* of ChanDBusItem */
  gsize bytes;    /* of the bodies in it */
  gboolean full;  /* the peer sent more than it may */
  guint n_late;
  gboolean closed;
} ChanDBusInbox;

/* NULL: no file descriptor is left. */
ChanDBusInbox *chan_dbus_inbox_new   (const char *peer, gsize max_bytes, GError **error);
ChanDBusInbox *chan_dbus_inbox_ref   (ChanDBusInbox *self);
void           chan_dbus_inbox_unref (ChanDBusInbox *self);
/* Takes the message, or the invocation. Any thread. FALSE: closed, or far beyond what may be there, and nothing was taken. */
gboolean       chan_dbus_inbox_push  (ChanDBusInbox *self, ChanDBusItem item);
/* The first, or NULL. too_much: more came than may, the session must end */
ChanDBusItem  *chan_dbus_inbox_take  (ChanDBusInbox *self, gboolean *too_much);
/* Nothing more goes in. What is there goes to the end of `rest`: of ChanDBusItem */
void           chan_dbus_inbox_close (ChanDBusInbox *self, GQueue *rest);
void           chan_dbus_item_free   (ChanDBusItem *item);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-fd-credit.h"
#include "chan-link.h"
#include "chan-options.h"
#include "chan-pipe-private.h"
#include "chan-session.h"
#include "chan-stream.h"

G_BEGIN_DECLS

/* A session as the library knows it: the table of its streams between a link
 * and the pipes. It lives while the application has the session object, or any
 * stream is open; then it drains and ends by itself. */
struct _ChanSessionCore
{
  gatomicrefcount ref_count;
  ChanReactor *reactor;      /* its lock guards everything below */
  ChanLink *link;            /* a reference */
  ChanSession *object;       /* borrowed; NULL: dropped by the application, or not made yet */
  gboolean was_given;        /* the application has had it */
  ChanSessionState state;
  ChanSessionRole role;
  GError *error;             /* FAILED: why */
  GPtrArray *streams;        /* slots: ChanStream or NULL; the index is the low half of an id */
  GArray *free_slots;        /* of guint */
  guint32 serial;            /* the high half of the next id */
  guint n_streams;
  guint capacity;            /* of channels that are opened without one */
  guint max_unaccepted;
  gsize max_message_bytes;
  ChanPipe *accepts;         /* incoming channels: ChanReceiver objects */
  ChanGuard guard;           /* of the rings below: the reactor's lock */
  ChanOpRing ready_ops, close_ops, ping_ops;
  gint64 ping_sent;          /* monotonic µs; 0: none on its way */
  gint64 round_trip;         /* of the last ping, µs */
  gint64 link_deadline, drain_deadline;
  guint drain_timeout_sec;
  gboolean peer_done;        /* nothing more can arrive */
  void (*on_ready) (gpointer data, const GError *error, ChanLater *later); /* under the lock; once */
  gpointer on_ready_data;
  struct _ChanLeftoverHome *leftover_home; /* NULL: no stream left any */
  guint64 n_messages_in, n_messages_out;
  ChanFdCredit fd_credit;
};

ChanSessionCore *chan_session_core_new    (ChanLink *link, ChanSessionRole role, ChanOptions *options);
ChanSessionCore *chan_session_core_ref    (ChanSessionCore *self);
void             chan_session_core_unref  (ChanSessionCore *self);

/* --- under the lock --- */

gboolean         chan_session_core_check  (ChanSessionCore *self, GError **error); /* OPEN? */
ChanStream      *chan_session_core_add    (ChanSessionCore *self, gboolean ours, ChanStreamKind kind);
void             chan_session_core_remove (ChanSessionCore *self, ChanStream *stream, ChanLater *later);
ChanStream      *chan_session_core_lookup (ChanSessionCore *self, guint64 id);
void             chan_session_core_ready  (ChanSessionCore *self, ChanLater *later);
void             chan_session_core_drain  (ChanSessionCore *self, ChanLater *later);
/* NULL: a clean end */
void             chan_session_core_end    (ChanSessionCore *self, const GError *error, ChanLater *later);
void             chan_session_core_pong   (ChanSessionCore *self, ChanLater *later);
void             chan_session_core_output (ChanSessionCore *self, ChanLater *later);
void             chan_session_core_output_batched (ChanSessionCore *self, gsize bytes, ChanLater *later);
void             chan_session_core_set_deadlines (ChanSessionCore *self, GIOCondition want, ChanLater *later);
/* The application has no session object and perhaps no end any more. */
void             chan_session_core_maybe_retire (ChanSessionCore *self, ChanLater *later);

/* --- no lock --- */

void             chan_session_core_start  (ChanSessionCore *self); /* begins to be served */

G_END_DECLS

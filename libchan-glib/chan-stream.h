/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-link.h"
#include "chan-pipe-private.h"

G_BEGIN_DECLS

/* A stream of a session's link, and the pipes whose sides it stands for.
 * Everything under the session's lock. */
struct _ChanStream
{
  guint64 id;
  ChanSessionCore *session; /* borrowed: the session outlives its streams */
  ChanPipe *in;             /* what arrives goes here; a reference, nullable */
  ChanPipe *out;            /* what leaves comes from here; a reference, nullable */
  gpointer link_data;       /* the link's own */
  guint32 n_taken;          /* messages taken from `in` that came over this stream */
  guint32 n_told;           /* of these, how many the peer surely hears of soon */
  guint32 bytes_untold;
  guint8 kind;              /* ChanStreamKind, as the one who did not open it sees it */
  guint8 ours;              /* we opened it */
  guint8 starves;           /* the link said: it has waited for credit that others use up */
  guint8 in_over, out_over; /* that half is complete or was reset */
  guint8 wants_fds;         /* a message waits until the peer takes file descriptors again (chan-fd-credit.h) */
  guint64 n_sent;           /* messages */
  guint n_fds_out;          /* sent, and not known to be taken */
  GArray *fds_sent;         /* chan-fd-credit.c; NULL: none ever */
};

ChanStream *chan_stream_new           (ChanSessionCore *session, gboolean ours, ChanStreamKind kind);

gboolean chan_stream_has_room         (ChanStream *self);
/* FALSE though there is room: this message, because of what it carries, must wait until room is delivered again. */
gboolean chan_stream_may_send         (ChanStream *self, ChanItemKind kind, gpointer item);
gboolean chan_stream_reports_taken    (ChanStream *self);
/* The item stays the caller's; handles of a message move if it succeeds. */
gboolean chan_stream_send             (ChanStream *self, ChanItemKind kind, gpointer item, ChanLater *later, GError **error);
void     chan_stream_took             (ChanStream *self, gsize bytes, guint n_messages, ChanLater *later);
/* Somebody waits for a message of a stream that starves. */
void     chan_stream_wanted           (ChanStream *self, ChanLater *later);
/* Our half is complete, after what was sent. */
void     chan_stream_finish           (ChanStream *self, ChanLater *later);
/* The application saw the end of what arrives: nothing more will go the other way either. */
void     chan_stream_end_seen         (ChanStream *self, ChanLater *later);
/* The application takes no more of what arrives. What leaves by the same stream is not touched. */
void     chan_stream_stop             (ChanStream *self, const GError *reason, ChanLater *later);
/* Both halves are over, now; the peer gets the reason. The stream is freed. */
void     chan_stream_reset            (ChanStream *self, const GError *reason, ChanLater *later);
/* The same, but what was sent arrives before. */
void     chan_stream_reset_behind     (ChanStream *self, const GError *reason, ChanLater *later);

/* A side of the pipe becomes this stream's (a reference is taken). */
void     chan_stream_bind_in          (ChanStream *self, ChanPipe *pipe, ChanLater *later);
void     chan_stream_bind_out         (ChanStream *self, ChanPipe *pipe, ChanLater *later);

/* --- from the link, under the lock --- */

void     chan_stream_deliver_message  (ChanStream *self, ChanMessage *message, gsize cost, ChanLater *later); /* takes message */
void     chan_stream_deliver_bytes    (ChanStream *self, GBytes *bytes, ChanLater *later);                    /* takes bytes */
void     chan_stream_deliver_finish   (ChanStream *self, ChanLater *later);
void     chan_stream_deliver_reset    (ChanStream *self, const GError *error, ChanLater *later);
void     chan_stream_deliver_stop     (ChanStream *self, const GError *error, ChanLater *later);
void     chan_stream_deliver_taken    (ChanStream *self, guint64 count, ChanLater *later);
void     chan_stream_deliver_room     (ChanStream *self, ChanLater *later);

G_END_DECLS

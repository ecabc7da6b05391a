/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-stream.h"

G_BEGIN_DECLS

/* File descriptors on their way to the peer's application: a session sends no
 * more than the peer says it takes. Everything under the session's lock. */

typedef struct
{
  guint n_out;     /* sent, and not known to be taken */
  guint n_waiting; /* streams with `wants_fds` */
  guint8 serving;  /* deliver_room() may end a stream, which serves the others */
} ChanFdCredit;

guint    chan_fd_credit_count  (ChanMessage *message);
/* May a message with so many go? FALSE: not now; chan_stream_deliver_room() follows when there is credit. */
gboolean chan_fd_credit_allows (ChanStream *stream, guint n_fds);
/* More than the peer takes at all? That never goes. */
gboolean chan_fd_credit_check  (ChanStream *stream, guint n_fds, GError **error);
/* What waited may be another by now: it will ask again. */
void     chan_fd_credit_retry  (ChanStream *stream);
void     chan_fd_credit_sent   (ChanStream *stream, guint n_fds);
/* The peer's application took this many messages of the stream in all. */
void     chan_fd_credit_taken  (ChanStream *stream, guint64 n_messages, ChanLater *later);
/* The stream is over: what came for it and was not taken counts apart at the peer (chan-leftover.h). */
void     chan_fd_credit_forget (ChanStream *stream);
/* Who waited tries again. */
void     chan_fd_credit_serve  (ChanSessionCore *session, ChanLater *later);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-pipe-private.h"
#include "chan-sender.h"

G_BEGIN_DECLS

/* What the application holds of a pipe's sending side. */
typedef enum
{
  CHAN_OBJECT_LIVE,    /* stands for the side */
  CHAN_OBJECT_SENDING, /* in a message that is being sent: may come back */
  CHAN_OBJECT_TRANSIT, /* inside a message, on the way */
  CHAN_OBJECT_SPLICED, /* its channel is being forwarded, or forwarded to */
  CHAN_OBJECT_MOVED,   /* was sent away */
} ChanObjectState;

ChanSender *chan_sender_new_for_pipe (ChanPipe *pipe, ChanObjectState state); /* takes a new reference to pipe */
ChanPipe   *chan_sender_get_pipe     (ChanSender *self);
gint       *chan_sender_state        (ChanSender *self); /* ChanObjectState, atomic */
/* The application got it: signals fire in this thread's default main context. */
void        chan_sender_adopt        (ChanSender *self);
gboolean    chan_sender_check_usable (ChanSender *self, GError **error);
/* Under the pipe's lock: sends if nobody waits before and there is room. */
ChanAccept  chan_sender_send_now     (ChanSender *self, ChanMessage *packed, ChanLater *later, GError **error);
/* No lock: the handles of a message that was packed come back, or have moved (packed: NULL). */
void        chan_sender_settle       (ChanMessage *message, ChanMessage *packed);
/* Under the pipe's lock: emits peer-closed in the sender's context, if there is a sender. */
void        chan_sender_peer_closed  (ChanPipe *pipe, ChanLater *later);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-pipe-private.h"

G_BEGIN_DECLS

/* An end whose pipe already belongs to a session, or whose other end moved too:
 * a new pipe moves to the stream in its place, and a relay carries from one to
 * the other, under credit, with close and errors as what they are. */
typedef struct _ChanRelay ChanRelay;

/* Under the reactor's lock. `pipe`'s lock is not taken: the side is reserved, so it is ours.
 * What is returned is there until the lock is given up. */
ChanRelay *chan_relay_export   (ChanPipe *pipe, gboolean sender, ChanStream *stream, ChanReactor *reactor, ChanLater *later);
/* The two directions of one byte stream, before the lock is given up. */
void     chan_relay_join       (ChanRelay *a, ChanRelay *b);

G_END_DECLS

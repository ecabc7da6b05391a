/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-pipe-private.h"
#include "chan-receiver.h"

G_BEGIN_DECLS

/* A message handler: takes messages in batches, in the turn of its main context. */
typedef struct _ChanReceiverHandler ChanReceiverHandler;

ChanReceiverHandler *chan_receiver_handler_new   (ChanReceiver *receiver, ChanPipe *pipe, ChanMessageFunc func,
                                                  gpointer user_data, GDestroyNotify destroy);
/* Under the pipe's lock */
void                 chan_receiver_handler_start (ChanReceiverHandler *self, ChanLater *later);
void                 chan_receiver_handler_stop  (ChanReceiverHandler *self, ChanLater *later);
void                 chan_receiver_forget_handler (ChanReceiver *receiver, ChanReceiverHandler *handler);

G_END_DECLS

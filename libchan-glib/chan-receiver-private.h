/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-receiver.h"
#include "chan-sender-private.h"

G_BEGIN_DECLS

ChanReceiver *chan_receiver_new_for_pipe (ChanPipe *pipe, ChanObjectState state);
ChanPipe     *chan_receiver_get_pipe     (ChanReceiver *self);
gint         *chan_receiver_state        (ChanReceiver *self);
/* Under the pipe's lock: may somebody receive? */
gboolean      chan_receiver_check_usable (ChanReceiver *self, GError **error);

G_END_DECLS

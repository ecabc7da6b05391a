/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-pipe-private.h"

G_BEGIN_DECLS

/* A GSource that is ready while a pipe can be taken from, or sent on. */
GSource *chan_pipe_source_new (ChanPipe *pipe, gboolean of_sender, GCancellable *cancellable);

G_END_DECLS

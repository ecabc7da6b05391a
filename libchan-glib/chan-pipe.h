/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>

G_BEGIN_DECLS

CHAN_API void chan_pipe_new      (guint capacity, ChanSender **sender, ChanReceiver **receiver);
CHAN_API void chan_byte_pipe_new (GIOStream **a, GIOStream **b);

G_END_DECLS

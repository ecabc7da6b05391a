/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-listener.h"
#include "chan-options.h"
#include "chan-pipe-private.h"

G_BEGIN_DECLS

/* Sessions that came in */
ChanPipe    *chan_listener_get_accepts (ChanListener *self);
ChanOptions *chan_listener_get_options (ChanListener *self);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-session-core.h"

G_BEGIN_DECLS

/* Takes over a reference to core. */
ChanSession *chan_session_new_for_core (ChanSessionCore *core, const char *uri);
ChanSessionCore *chan_session_get_core (ChanSession *self);
/* The application got it: signals fire in this thread's default main context. */
void         chan_session_adopt        (ChanSession *self);
/* Under the session's lock: the object, if there is one, tells of the end. */
void         chan_session_ended        (ChanSession *self, ChanLater *later);

G_END_DECLS

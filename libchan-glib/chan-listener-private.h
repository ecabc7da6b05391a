/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-listener.h"
#include "chan-options.h"
#include "chan-pipe-private.h"
#include "chan-transport.h"

G_BEGIN_DECLS

struct _ChanListener
{
  GObject parent_instance;

  ChanTransport *transport;
  ChanOptions *options;
  GMainContext *context; /* where signals fire */
  ChanPipe *accepts;     /* of ChanSession; its lock guards: */
  char *uri;
  gboolean listening;
  GPtrArray *old_uris;   /* get_uri() gave them out */
};

/* Sessions that came in */
ChanPipe    *chan_listener_get_accepts (ChanListener *self);
ChanOptions *chan_listener_get_options (ChanListener *self);

G_END_DECLS

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
  ChanPipe *accepts;     /* of ChanSession; its lock guards: */
  GMainContext *context; /* where signals fire */
  GSource *early;        /* in it, while sessions are there that nobody took; or NULL */
  char *uri;
  gboolean listening;
  GPtrArray *old_uris;   /* get_uri() gave them out */
};

enum { CHAN_LISTENER_AUTHORIZE, CHAN_LISTENER_INCOMING, CHAN_LISTENER_N_SIGNALS };

extern guint chan_listener_signals[CHAN_LISTENER_N_SIGNALS];

/* Sessions that came in */
ChanPipe    *chan_listener_get_accepts (ChanListener *self);
ChanOptions *chan_listener_get_options (ChanListener *self);
/* Signals fire in this context from now on; NULL: the default one */
void         chan_listener_adopt       (ChanListener *self, GMainContext *context);
/* Sessions that came before a handler was connected, and that nobody took, are its. No lock is held. */
void         chan_listener_offer_early (ChanListener *self);
/* Under the lock of `accepts` */
void         chan_listener_forget_early (ChanListener *self);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-conformance.h"

G_BEGIN_DECLS

/* Connections over named pipes: the writing ends that were opened since chan_conformance_mark_fifos() are those of
 * the session; chan_conformance_cut_fifos() makes them dead ends behind its back. */
GArray *chan_conformance_mark_fifos   (void);
void    chan_conformance_attach_fifos (ChanSession *session, GArray *before);
void    chan_conformance_cut_fifos    (ChanSession *a, ChanSession *b);

G_END_DECLS

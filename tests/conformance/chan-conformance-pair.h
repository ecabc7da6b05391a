/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-conformance.h"

G_BEGIN_DECLS

/* What transports with an URI have in common. */

/* Listens at the URI with the parameters, connects to where it really listens, accepts. */
void chan_conformance_connect_pair (const char *uri, const char *parameters, ChanSession **a, ChanSession **b);
/* With the parameters, unless it has some. */
char *chan_conformance_with_parameters (const char *uri, const char *parameters);
/* A pair over another transport than the one under test. */
void chan_conformance_connect_other (const ChanConformanceTransport *transport, ChanSession **a, ChanSession **b);

/* Sockets that were opened since chan_conformance_mark_sockets() are those of the session;
 * chan_conformance_cut_sockets() shuts them down behind its back. */
GArray *chan_conformance_mark_sockets   (void);
void    chan_conformance_attach_sockets (ChanSession *session, GArray *before);
void    chan_conformance_cut_sockets    (ChanSession *a, ChanSession *b);
/* The same; a session without sockets, inside the process, is aborted. */
void    chan_conformance_cut_pair       (ChanSession *a, ChanSession *b);

G_END_DECLS

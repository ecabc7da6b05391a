/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/libchan-glib.h>

#include "libchan-glib/chan-live.h"

G_BEGIN_DECLS

/* One suite, run unchanged over every transport. A program for a transport
 * describes it in a ChanConformanceTransport and calls chan_conformance_run(). */

typedef enum
{
  CHAN_CONFORMANCE_RENDEZVOUS = 1 << 0, /* takes are acknowledged: capacity counts, 0 is a rendezvous */
  CHAN_CONFORMANCE_REASONS = 1 << 1,    /* code and text of an abort reach the peer */
  CHAN_CONFORMANCE_OPTIONS = 1 << 2,    /* make_pair() heeds its parameters */
  CHAN_CONFORMANCE_WINDOWS = 1 << 3,    /* bytes are bounded too, not only the number of messages */
  CHAN_CONFORMANCE_FDS = 1 << 4,        /* file descriptors pass as such */
  CHAN_CONFORMANCE_COLLECTED = 1 << 5,  /* a garbage collector keeps what it is given, for as long as it likes */
} ChanConformanceFlags;

/* A transport without make_pair() is the pipe inside the process. */
typedef struct
{
  const char *name;
  ChanConformanceFlags flags;
  /* `parameters`: URI parameters for both sides, such as "capacity=5"; nullable */
  void (*make_pair) (const char *parameters, ChanSession **a, ChanSession **b);
  /* The same over another transport, over which what came goes on: then only that is tested, in the shapes
   * RELAYED, SENDER_RELAYED and THIRD_PARTY. Nullable: over the same one */
  void (*make_second_pair) (const char *parameters, ChanSession **a, ChanSession **b);
  /* Cuts the connection hard, as a dying network would; nullable. With make_second_pair() also one of that */
  void (*kill_link) (ChanSession *a, ChanSession *b);
} ChanConformanceTransport;

/* How the two ends of a channel came to where they are. The contract is the same for all. */
typedef enum
{
  CHAN_CONFORMANCE_PIPE = 1 << 0,     /* both in this process */
  CHAN_CONFORMANCE_OPENED = 1 << 1,   /* open_channel() and accept_channel() */
  CHAN_CONFORMANCE_RECEIVER = 1 << 2, /* the receiver of a pipe crossed in a message */
  CHAN_CONFORMANCE_SENDER = 1 << 3,   /* the sender of a pipe crossed in a message */
  CHAN_CONFORMANCE_RELAYED = 1 << 4,  /* the receiver crossed twice, by two sessions */
  CHAN_CONFORMANCE_SESSION = 1 << 5,  /* the test makes what it needs of f->a and f->b */
  CHAN_CONFORMANCE_SENDER_RELAYED = 1 << 6, /* the sender crossed twice, by sessions over two transports */
  CHAN_CONFORMANCE_THIRD_PARTY = 1 << 7, /* the test moves ends over f->a, f->b, and on over f->hop */
} ChanConformanceShape;

#define CHAN_CONFORMANCE_DIRECT \
  (CHAN_CONFORMANCE_PIPE | CHAN_CONFORMANCE_OPENED | CHAN_CONFORMANCE_RECEIVER | CHAN_CONFORMANCE_SENDER)
#define CHAN_CONFORMANCE_ALL \
  (CHAN_CONFORMANCE_DIRECT | CHAN_CONFORMANCE_RELAYED | CHAN_CONFORMANCE_SENDER_RELAYED)
/* Of a byte stream one end stays and the other crosses. */
#define CHAN_CONFORMANCE_BYTES (CHAN_CONFORMANCE_PIPE | CHAN_CONFORMANCE_RECEIVER | CHAN_CONFORMANCE_RELAYED)

typedef enum
{
  CHAN_CONFORMANCE_NEEDS_CAPACITY = 1 << 0, /* counts with a capacity of its own choice */
  CHAN_CONFORMANCE_NEEDS_REASONS = 1 << 1,
  CHAN_CONFORMANCE_NEEDS_OPTIONS = 1 << 2,
  CHAN_CONFORMANCE_NEEDS_KILL = 1 << 3,
  CHAN_CONFORMANCE_NEEDS_RECALL = 1 << 4,   /* a message that nobody took can be called back */
  CHAN_CONFORMANCE_NEEDS_WINDOWS = 1 << 5,
} ChanConformanceNeeds;

typedef struct _ChanConformanceFixture ChanConformanceFixture;

typedef struct
{
  const char *path;
  void (*run) (ChanConformanceFixture *f);
  ChanConformanceShape shapes;
  ChanConformanceNeeds needs;
  const char *parameters; /* of the sessions; nullable */
} ChanConformanceTest;

struct _ChanConformanceFixture
{
  const ChanConformanceTransport *transport;
  const ChanConformanceTest *test;
  ChanConformanceShape shape;
  GMainContext *context;   /* the test's own, thread-default in its thread */
  ChanSession *a, *b;      /* from chan_conformance_sessions() */
  ChanSession *hop[2];     /* the second pair of RELAYED */
  GPtrArray *watched;      /* GWeakRef: what must be gone in the end */
  guint n_fds;             /* open before the test */
  int n_live[CHAN_LIVE_N]; /* of what the library counts, before the test */
};

int chan_conformance_run (int argc, char **argv, const ChanConformanceTransport *transport);

/* Makes f->a and f->b, if they are not there yet. */
void chan_conformance_sessions (ChanConformanceFixture *f);
/* A channel of the shape under test; both ends are the caller's. */
void chan_conformance_channel  (ChanConformanceFixture *f, guint capacity, ChanSender **tx, ChanReceiver **rx);
/* Two connected byte streams; `far` is the one that crossed. */
void chan_conformance_bytes    (ChanConformanceFixture *f, GIOStream **near, GIOStream **far);
/* Opened on one session, accepted on the other. */
void chan_conformance_open     (ChanSession *from, ChanSession *to, const char *name, ChanSender **tx, ChanReceiver **rx);
/* Moves an end, or a stream, in a message from one session to the other: what came out there. */
GObject *chan_conformance_move (ChanSession *from, ChanSession *to, GObject *handle);
/* The test fails if the object lives on after it. */
void chan_conformance_watch    (ChanConformanceFixture *f, gpointer object);

/* The tests by topic; each table ends with an entry without path. */
extern const ChanConformanceTest chan_conformance_order[];
extern const ChanConformanceTest chan_conformance_capacity[];
extern const ChanConformanceTest chan_conformance_end[];
extern const ChanConformanceTest chan_conformance_receiver_closes[];
extern const ChanConformanceTest chan_conformance_cancel[];
extern const ChanConformanceTest chan_conformance_wait[];
extern const ChanConformanceTest chan_conformance_handles[];
extern const ChanConformanceTest chan_conformance_handles_queued[];
extern const ChanConformanceTest chan_conformance_fds[];
extern const ChanConformanceTest chan_conformance_fd_credit[];
extern const ChanConformanceTest chan_conformance_foreign[];
extern const ChanConformanceTest chan_conformance_foreign_own[];
extern const ChanConformanceTest chan_conformance_bytes_ends[];
extern const ChanConformanceTest chan_conformance_bytes_flow[];
extern const ChanConformanceTest chan_conformance_dispatch[];
extern const ChanConformanceTest chan_conformance_threads[];
extern const ChanConformanceTest chan_conformance_session[];
extern const ChanConformanceTest chan_conformance_session_end[];
extern const ChanConformanceTest chan_conformance_select[];
extern const ChanConformanceTest chan_conformance_select_handles[];
extern const ChanConformanceTest chan_conformance_select_threads[];
extern const ChanConformanceTest chan_conformance_select_session[];
extern const ChanConformanceTest chan_conformance_request[];
extern const ChanConformanceTest chan_conformance_request_bodies[];
extern const ChanConformanceTest chan_conformance_splice[];
extern const ChanConformanceTest chan_conformance_splice_cancel[];
extern const ChanConformanceTest chan_conformance_splice_rendezvous[];
extern const ChanConformanceTest chan_conformance_values[];
extern const ChanConformanceTest chan_conformance_third_party[];

G_END_DECLS

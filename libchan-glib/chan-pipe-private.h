/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-error.h"
#include "chan-message.h"
#include "chan-pipe.h"
#include "chan-wait.h"

G_BEGIN_DECLS

/* The core of a channel, and of one direction of a byte stream: a queue with
 * two sides. A side is local (an end object of the application) or linked (a
 * stream of a session). docs/architecture.md, "A channel". */

/* What a direction of a byte stream holds before its writer waits. */
#define CHAN_BYTE_PIPE_SIZE (64 * 1024)
/* What messages of a channel inside the process hold before its sender waits, though there may be fewer than its capacity. */
#define CHAN_PIPE_BYTES (1024 * 1024)

typedef struct _ChanPipe ChanPipe;
typedef struct _ChanStream ChanStream;
typedef struct _ChanSessionCore ChanSessionCore;
typedef struct _ChanLeftover ChanLeftover;

typedef enum
{
  CHAN_ITEM_MESSAGE, /* ChanMessage; counted */
  CHAN_ITEM_BYTES,   /* GBytes; sized, taken in any split */
  CHAN_ITEM_OBJECT,  /* GObject: incoming channels and sessions */
} ChanItemKind;

typedef enum
{
  CHAN_SIDE_LOCAL,    /* an end object, idle or with operations pending */
  CHAN_SIDE_RESERVED, /* its end object is in a message that is being sent */
  CHAN_SIDE_LINKED,   /* a stream stands for it */
  CHAN_SIDE_CLOSED,   /* closed or dropped: nothing comes from it any more */
} ChanSide;

typedef enum
{
  CHAN_END_OPEN,
  CHAN_END_CLOSED, /* the sender closed: after what is queued comes the end */
  CHAN_END_FAILED, /* after what is queued comes `error` */
} ChanEnd;

/* Someone who looks again whenever the pipe may have become readable or
 * writable: GSources, handlers, relays. notify() is called under the lock and
 * only puts work on `later` or on a run queue. */
typedef struct _ChanWatch ChanWatch;
struct _ChanWatch
{
  ChanWatch *next;
  void (*notify) (ChanWatch *self, ChanLater *later);
  void (*attached) (ChanWatch *self, ChanReactor *reactor, ChanLater *later); /* nullable: the pipe joined a session */
  gboolean of_sender; /* looks at room, not at messages */
};

typedef struct
{
  gpointer data;
  gsize cost; /* bytes to give back to the link when taken; 0: did not come over one */
} ChanItem;

struct _ChanPipe
{
  gatomicrefcount ref_count;
  ChanGuard guard; /* guards everything below */
  guint8 kind, sender_side, receiver_side, end;
  guint8 copied;           /* the local sender is a copier (relay, pump): that was all only if it says so */
  guint8 forwarded;        /* the local sender is a splice or a relay: it waits with a watch, not in the ring of senders */
  guint8 asked;            /* capacity 0: a receiver came and found nothing, and it may not wait in the ring either */
  guint capacity;          /* messages, or bytes */
  /* queue: a ring of a power of two slots; NULL while nothing was ever queued */
  ChanItem *slots;
  guint n_slots, head, n_items;
  guint n_reserved;        /* items kept for asynchronous receives */
  gsize offset;            /* BYTES: of the head item, already taken */
  gsize n_bytes;           /* in the queue; of messages, those that came over no link (cost 0) */
  guint64 sent, taken;     /* messages accepted from the sender; taken at the far end */
  guint64 linked_at;       /* receiver side LINKED: `taken` when it was linked */
  ChanOpRing receivers, senders;
  const ChanClaim *serving; /* a selection that is being served here: it does not deal with itself */
  ChanWatch *watches;
  ChanStream *in;          /* sender side LINKED: where messages come from */
  ChanLeftover *leftover;  /* what is queued and came over a stream that is over; or NULL */
  ChanStream *out;         /* receiver side LINKED: where they go */
  GError *error;           /* why end is FAILED */
  GError *sender_error;    /* what sends fail with; NULL: may send */
  char *name;
  gpointer sender_object;   /* the end objects, borrowed; NULL: moved or gone */
  gpointer receiver_object;
};

ChanPipe *chan_pipe_core_new (ChanItemKind kind, guint capacity, ChanReactor *reactor);
ChanPipe *chan_pipe_ref      (ChanPipe *self);
void      chan_pipe_unref    (ChanPipe *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanPipe, chan_pipe_unref)

static inline void
chan_pipe_lock (ChanPipe *self)
{
  chan_guard_lock (&self->guard);
}

static inline void
chan_pipe_unlock (ChanPipe *self, ChanLater *later)
{
  chan_guard_unlock (&self->guard, later);
}

/* All below: under the lock. Items are given and taken with their reference. */

/* --- sending side --- */

typedef enum
{
  CHAN_ACCEPT_OK,
  CHAN_ACCEPT_FLYING, /* capacity 0 over a link: done when sent == taken */
  CHAN_ACCEPT_WAIT,
  CHAN_ACCEPT_FAILED, /* error is set; the item is still the caller's */
} ChanAccept;

gboolean   chan_pipe_has_room       (ChanPipe *self);
gboolean   chan_pipe_has_room_for_fds (ChanPipe *self, guint n_fds);
/* OK and FLYING take the item. */
ChanAccept chan_pipe_accept         (ChanPipe *self, gpointer item, ChanLater *later, GError **error);
/* The sender says: that was all. Idempotent. */
void       chan_pipe_close_sender   (ChanPipe *self, ChanLater *later);
/* The sender ends with an error (copied), after what was accepted; or at once: what is queued is dropped. */
void       chan_pipe_fail_sender    (ChanPipe *self, const GError *error, gboolean at_once, ChanLater *later);

/* --- receiving side --- */

gboolean   chan_pipe_is_readable    (ChanPipe *self); /* an item that nobody reserved, or the end */
/* MESSAGE: *item; EMPTY; CLOSED; ERROR */
ChanTake   chan_pipe_take           (ChanPipe *self, gboolean reserved, gpointer *item, ChanLater *later, GError **error);
guint      chan_pipe_first_fds      (ChanPipe *self); /* that the message carries which is next */
gsize      chan_pipe_take_bytes     (ChanPipe *self, guint8 *buffer, gsize len, ChanLater *later);
/* Capacity 0: somebody is here to take, though not in the ring of receivers; and waits no longer. */
void       chan_pipe_ask            (ChanPipe *self, ChanLater *later);
void       chan_pipe_gave_up        (ChanPipe *self);
/* What was taken was not wanted after all: it is the next again. Takes the item. */
void       chan_pipe_unget          (ChanPipe *self, gpointer item, ChanLater *later);
void       chan_pipe_unreserve      (ChanPipe *self, ChanLater *later);
/* The receiver will take no more: what is queued is dropped, the sender fails with CLOSED. */
void       chan_pipe_close_receiver (ChanPipe *self, ChanChannelError code, const char *text, ChanLater *later);

/* --- from a link --- */

void       chan_pipe_push           (ChanPipe *self, gpointer item, gsize cost, ChanLater *later);
void       chan_pipe_finished       (ChanPipe *self, ChanLater *later);              /* the peer closed its half */
void       chan_pipe_failed         (ChanPipe *self, const GError *error, ChanLater *later); /* both sides, whoever they are */
void       chan_pipe_drain          (ChanPipe *self, ChanLater *later);              /* there may be room again */
void       chan_pipe_peer_took      (ChanPipe *self, guint64 count, ChanLater *later);

/* --- moving a side to a stream; the reactor's lock is held, the pipe is not attached --- */

/* FALSE: it belongs to a session already. */
gboolean   chan_pipe_attach         (ChanPipe *self, ChanReactor *reactor, ChanLater *later);
void       chan_pipe_link_sender    (ChanPipe *self, ChanStream *stream, ChanLater *later);
void       chan_pipe_link_receiver  (ChanPipe *self, ChanStream *stream, ChanLater *later);

/* --- from one to another; no lock is held --- */

/* May the next message of `from` be taken to be sent to `to`? One whose descriptors cannot go on stays where they are
 * counted. from: NULL if the message was taken. error: what sends to `to` fail with. */
gboolean   chan_pipe_may_forward    (ChanPipe *from, ChanPipe *to, GError **error);

/* --- used by the parts above --- */

void       chan_pipe_notify_receivers (ChanPipe *self, ChanLater *later);
/* Its message is out: it waits until that is taken. FALSE: it never will be, error is set. */
gboolean   chan_pipe_fly              (ChanPipe *self, ChanOp *op);
/* Ends the wait of one that is claimed. FALSE: there is nothing for it after all. */
gboolean   chan_pipe_serve_receiver   (ChanPipe *self, ChanOp *op, ChanLater *later);
void       chan_pipe_notify_senders   (ChanPipe *self, ChanLater *later);
void       chan_pipe_pull             (ChanPipe *self, ChanLater *later); /* capacity 0: the first waiting sender's item into the queue */
/* Somebody is told when there is something, and takes nothing by that. */
gboolean   chan_pipe_is_watched       (ChanPipe *self);
/* Somebody waits for a message now, or is told of each. */
gboolean   chan_pipe_has_reader       (ChanPipe *self);
/* That has just become so. */
void       chan_pipe_wanted           (ChanPipe *self, ChanLater *later);
/* So much left the queue: whoever sent it may send more. */
void       chan_pipe_give_back        (ChanPipe *self, gsize bytes, guint n_messages, ChanLater *later);
/* What is queued and still to be given back. */
gsize      chan_pipe_owed             (ChanPipe *self, guint *n_messages);
void       chan_pipe_enqueue          (ChanPipe *self, gpointer item, gsize cost);
ChanItem   chan_pipe_dequeue          (ChanPipe *self);
void       chan_pipe_drop_item        (ChanPipe *self, gpointer item, ChanLater *later);
void       chan_pipe_drop_queue       (ChanPipe *self, ChanLater *later);
/* Of messages: the first n stay, and what follows is the error, which is taken. */
void       chan_pipe_cut_queue        (ChanPipe *self, guint n, GError *error, ChanLater *later);
/* Nothing stays but what is reserved, and what follows is the error. */
void       chan_pipe_fail_queue       (ChanPipe *self, const GError *error, ChanLater *later);
void       chan_pipe_add_watch        (ChanPipe *self, ChanWatch *watch);
void       chan_pipe_remove_watch     (ChanPipe *self, ChanWatch *watch);

G_END_DECLS

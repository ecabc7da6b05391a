/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-fd-private.h"
#include "chan-stream-link.h"
#include "wire/chan-codec.h"
#include "wire/chan-http-head.h"
#include "wire/chan-spdy-conn.h"
#include "wire/chan-spdy-frame.h"

G_BEGIN_DECLS

typedef enum
{
  LINK_HANDSHAKE, /* TLS */
  LINK_SETTLING,  /* who is the peer? */
  LINK_RUNNING,
  LINK_CLOSING,   /* the last output is on its way */
  LINK_SHUTTING,  /* the end of our half is on its way: nothing may follow */
  LINK_SHUT,      /* our half is ended; the peer's end is awaited */
  LINK_DEAD,
} LinkState;

typedef struct _LinkStream LinkStream;

/* What the link knows of a stream. */
struct _LinkStream
{
  guint64 id;            /* the core's; 0: refused */
  guint32 sid;           /* SPDY's */
  guint8 bytes;          /* a byte stream */
  guint8 carries;        /* a channel on which the peer sends, so that its messages may name streams */
  guint8 bound;          /* the application has its end: data goes up at once */
  guint8 fin_held;       /* FIN came before it was bound, or behind a waiting message */
  guint8 reset_held;     /* the same for a reset, with code and text */
  guint8 reassembles;    /* owns a reassembly slot */
  guint8 full;           /* unread is above the limit of a channel */
  ChanHttpHead head;     /* what a client of jschan says first on a stream that we pushed */
  gsize large;           /* bytes of the large message that came whole and was not taken, beyond the window */
  gsize unread, stuck;   /* bytes: chan-stream-link-stall.c */
  ChanDecoder decoder;
  gint32 capacity;       /* from SYN_STREAM; -1: not given */
  guint32 n_delivered, n_taken; /* messages that came whole, and that the application took */
  guint32 n_large;       /* `n_delivered` with the last one that needed a slot */
  guint32 n_told;        /* messages taken, when the peer was last told at once */
  guint64 parent_ref;    /* of the peer's numbers, or of ours if we opened it; 0: top level */
  GByteArray *held;      /* bytes that cannot go up yet; or NULL */
  ChanDecoded *waiting;  /* a message that names a stream which is not there yet; or NULL */
  gint64 waiting_until;  /* monotonic µs */
  gsize early;           /* bytes of the partial message already given back */
  guint32 reset_code;
  char *reset_text;
};

#define CHAN_REASSEMBLY_SLOTS 2
/* What a message in a queue takes besides its bytes. */
#define CHAN_MESSAGE_OVERHEAD 256

struct _ChanStreamLink
{
  ChanLink parent_instance;

  /* Everything under the session's lock. */
  ChanByteIO *io;
  ChanSpdyConn *conn;
  ChanLimits limits;
  ChanSpdyDialect dialect;
  ChanSpdyDialect wanted;    /* dialect= option; UNKNOWN: auto */
  ChanSessionRole role;
  LinkState state;
  ChanEncoded encoded;
  GPtrArray *unbound;        /* streams of the peer that no message named yet */
  GPtrArray *waiting;        /* streams with a waiting message */
  guint n_slots;             /* reassembly slots in use */
  GPtrArray *slot_queue;     /* streams that want one */
  gint64 now;
  gint64 settle_deadline, handshake_deadline, close_deadline, frame_deadline, stall_deadline;
  guint64 frame;             /* of the peer, which has begun and is not complete; 0: none */
  guint64 frame_bytes;       /* bytes_in when it was looked at */
  gint64 reset_deadline;     /* stall-policy=reset: until then somebody must read */
  gint64 idle_deadline;      /* a session without channels ends then; 0: has some */
  gint64 heard;              /* last input */
  guint32 ping_id;           /* of a keepalive or a ping() that is not answered; 0: none */
  gint64 ping_deadline;
  gboolean ping_wanted;      /* by the application */
  guint32 last_ping_id;      /* sent before GOAWAY: its answer says that all was read */
  gboolean last_ping_answered;
  gsize unread, stuck, large; /* of all streams */
  gsize kept;                /* unread bytes of streams that are over */
  gsize n_unread;            /* messages, theirs included */
  guint n_full;              /* streams that are `full` */
  gboolean paused;           /* a peer without credit sent more than is taken: nothing is read */
  gboolean urgent;           /* a peer may be waiting for a TAKEN that is due */
  gboolean goaway_seen, goaway_sent;
  gboolean close_wanted;     /* as soon as the dialect is settled */
  guint settle_ms, handshake_sec, keepalive_sec, keepalive_timeout_sec, dangling_sec, stall_sec;
  guint idle_sec, stall_reset_sec;
  guint64 bytes_in, bytes_out;
  guint generation;          /* of the process that made it (chan-fork.h) */
  /* chan-stream-link-fds.c; NULL: never was any */
  guint32 features, peer_features;
  GArray *fds_out;           /* of int: to be written with their FDS */
  guint64 n_fds_out, n_fds_in; /* numbers given to descriptors, by us and by the peer */
  GHashTable *fds_in;        /* number -> LinkFd: announced, and named by no message yet */
  ChanFdQuota *fd_quota;
  GError *failure;           /* found while handling events; the service returns it */
};

/* chan-stream-link.c */
void chan_stream_link_update_poll (ChanStreamLink *self);
/* chan-stream-link-stall.c */
void     chan_stream_link_add_unread  (ChanStreamLink *self, LinkStream *stream, gsize bytes);
void     chan_stream_link_took        (ChanStreamLink *self, LinkStream *stream, gsize bytes);
gboolean chan_stream_link_check_stuck (ChanStreamLink *self, LinkStream *stream); /* FALSE: that ended the stream */
gsize    chan_stream_link_count_unread (ChanStreamLink *self); /* everything that is here and was not taken, in bytes */
gsize    chan_stream_link_unread_max  (ChanStreamLink *self);
/* May another large message come? For one that is waited for, more is left. */
gboolean chan_stream_link_large_fits  (ChanStreamLink *self, gboolean for_reader);
void     chan_stream_link_large_came  (ChanStreamLink *self, LinkStream *stream);
void     chan_stream_link_large_taken (ChanStreamLink *self, LinkStream *stream);
/* Something was taken, or something large waits: is anybody held up? */
void     chan_stream_link_look_again     (ChanStreamLink *self);
void     chan_stream_link_messages_taken (ChanStreamLink *self, guint n);
gsize    chan_stream_link_keep        (ChanLink *link, guint64 id, gsize bytes, guint n_messages);
void     chan_stream_link_wanted      (ChanLink *link, guint64 id);
void     chan_stream_link_release     (ChanLink *link, gsize bytes, gsize beyond, guint n_messages);
void     chan_stream_link_uncount     (ChanStreamLink *self, LinkStream *stream);
void     chan_stream_link_break_stall (ChanStreamLink *self);
void     chan_stream_link_refused     (ChanStreamLink *self, guint64 parent_ref, const char *text);
/* chan-stream-link-input.c */
void chan_stream_link_process (ChanStreamLink *self);
void chan_stream_link_settle  (ChanStreamLink *self, ChanSpdyDialect dialect);
/* chan-stream-link-data.c */
void chan_stream_link_data        (ChanStreamLink *self, LinkStream *stream, const guint8 *data, gsize len);
void chan_stream_link_fin         (ChanStreamLink *self, LinkStream *stream);
void chan_stream_link_opened      (ChanStreamLink *self);
void chan_stream_link_time        (ChanStreamLink *self);
void chan_stream_link_end_stream  (ChanStreamLink *self, LinkStream *stream, const GError *error);
void chan_stream_link_reset_up    (ChanStreamLink *self, LinkStream *stream);
/* Gives the slots that are free to those who wait for one. */
void chan_stream_link_serve_slots (ChanStreamLink *self);
void chan_stream_link_drop_slot   (ChanStreamLink *self, LinkStream *stream);
/* Part of a message is there: gives credit for the rest where the window does not. */
void chan_stream_link_go_on       (ChanStreamLink *self, LinkStream *stream);
void chan_stream_link_cancel_children (ChanStreamLink *self, LinkStream *stream);

/* chan-stream-link-fds.c */
void     chan_stream_link_offer_fds    (ChanStreamLink *self);  /* before our SETTINGS */
void     chan_stream_link_queue_fds    (ChanStreamLink *self, LinkStream *stream, const ChanHandleRef *refs, gsize n_refs);
gssize   chan_stream_link_write_fds    (ChanStreamLink *self, const GOutputVector *vectors, gsize n, GError **error);
void     chan_stream_link_read_fds     (ChanStreamLink *self, guint n_before);
void     chan_stream_link_fds_arrived  (ChanStreamLink *self, guint32 sid, LinkStream *stream, guint count);
gboolean chan_stream_link_has_fds      (ChanStreamLink *self, LinkStream *stream, const ChanDecoded *message, GError **error);
GObject *chan_stream_link_take_fd      (ChanStreamLink *self, guint64 number);
void     chan_stream_link_forget_fds   (ChanStreamLink *self, guint32 sid);
void     chan_stream_link_drop_unannounced_fds (ChanStreamLink *self);
void     chan_stream_link_clear_fds    (ChanStreamLink *self);  /* closes all, now; no lock held */

/* chan-stream-link-slots.c */
gboolean chan_stream_link_open (ChanLink *link, guint64 id, const ChanOpenInfo *info, GError **error);
gboolean chan_stream_link_send (ChanLink *link, guint64 id, ChanMessage *message, const ChanHandleRef *refs, gsize n_refs, gsize *cost, GError **error);
gboolean chan_stream_link_write (ChanLink *link, guint64 id, GBytes *bytes, GError **error);
void chan_stream_link_grant (ChanLink *link, guint64 id, gsize bytes, guint messages);
void chan_stream_link_finish (ChanLink *link, guint64 id);
void chan_stream_link_reset (ChanLink *link, guint64 id, ChanChannelError code, const char *text);
void chan_stream_link_reset_behind (ChanLink *link, guint64 id, ChanChannelError code, const char *text);
void chan_stream_link_stop (ChanLink *link, guint64 id, ChanChannelError code, const char *text);
void chan_stream_link_forget (ChanLink *link, guint64 id);
gboolean chan_stream_link_has_room (ChanLink *link, guint64 id);
gboolean chan_stream_link_ping (ChanLink *link);

LinkStream *chan_link_stream_new  (ChanStreamLink *self, guint32 sid);
void        chan_link_stream_free (ChanStreamLink *self, LinkStream *stream);

G_END_DECLS

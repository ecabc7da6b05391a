/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-limits.h"

G_BEGIN_DECLS

/* One SPDY/3 connection as libchan speaks it, without I/O and without a clock:
 * bytes in, events out; frames to send in, bytes out. Not thread-safe: the
 * owner's lock guards it. It never calls back. */

typedef struct _ChanSpdyConn ChanSpdyConn;

typedef enum
{
  CHAN_SPDY_CLIENT, /* odd stream ids, from 1 */
  CHAN_SPDY_SERVER, /* even stream ids, from 2 */
} ChanSpdyRole;

/* Who the peer is. UNKNOWN until the owner has decided (chan_spdy_conn_set_dialect). */
typedef enum
{
  CHAN_SPDY_DIALECT_UNKNOWN,
  CHAN_SPDY_DIALECT_GLIB,  /* libchan-glib: credit, TAKEN, ABORT, session window */
  CHAN_SPDY_DIALECT_GEN2,  /* Go libchan HEAD */
  CHAN_SPDY_DIALECT_GEN1,  /* jschan, Go libchan before 2015-01-26 */
} ChanSpdyDialect;

/* RST_STREAM status codes, SPDY/3 section 2.6.3 */
typedef enum
{
  CHAN_SPDY_PROTOCOL_ERROR = 1,
  CHAN_SPDY_INVALID_STREAM = 2,
  CHAN_SPDY_REFUSED_STREAM = 3,
  CHAN_SPDY_CANCEL = 5,
  CHAN_SPDY_INTERNAL_ERROR = 6,
  CHAN_SPDY_FLOW_CONTROL_ERROR = 7,
  CHAN_SPDY_STREAM_ALREADY_CLOSED = 9,
  CHAN_SPDY_FRAME_TOO_LARGE = 11,
} ChanSpdyStatus;

/* What a SYN_STREAM says, in either direction. Strings are borrowed. */
typedef struct
{
  guint64 ref;          /* libchan-ref, unique per opener, from 2 */
  guint64 parent_ref;   /* libchan-parent-ref; 0: top level */
  gboolean has_parent;  /* the header was there (also if 0: generation 1) */
  const char *name;     /* libchan-name, nullable */
  const char *type;     /* libchan-type, nullable */
  gint64 capacity;      /* libchan-capacity; -1: not given */
  gboolean nested;      /* in only: a message names it, nobody accepts it */
  gboolean byte_stream; /* out only: a stream of bytes, which generation 1 opens without a parent */
  guint32 parent_id;    /* out only: the stream of `parent_ref`; 0: top level */
} ChanSpdyOpen;

typedef enum
{
  CHAN_SPDY_EVENT_SETTINGS,   /* the peer's SETTINGS: has_window, features, session_fds */
  CHAN_SPDY_EVENT_OPEN,       /* the peer opened a stream; SYN_REPLY is already queued */
  CHAN_SPDY_EVENT_REPLY,      /* SYN_REPLY to a stream of ours; status is the HTTP-like number */
  CHAN_SPDY_EVENT_DATA,       /* bytes, borrowed, any split */
  CHAN_SPDY_EVENT_FIN,        /* the peer's half is complete; once per stream */
  CHAN_SPDY_EVENT_RESET,      /* the peer ended the stream; status, and error code and text if ABORT; or its GOAWAY,
                               * which was told before, leaves the stream out: REFUSED_STREAM, and a text */
  CHAN_SPDY_EVENT_STOP,       /* the peer reads no more of the stream; code and text */
  CHAN_SPDY_EVENT_ROOM,       /* stream may send again (room was FALSE before) */
  CHAN_SPDY_EVENT_TAKEN,      /* count: messages the peer's application took, cumulative */
  CHAN_SPDY_EVENT_FDS,        /* count: the next file descriptors of those that came are for a message of the stream;
                               * also for a stream that is not there (stream_data NULL) */
  CHAN_SPDY_EVENT_PING_REPLY, /* ping_id */
  CHAN_SPDY_EVENT_GOAWAY,     /* last_good, status */
  CHAN_SPDY_EVENT_FAILED,     /* the connection is over: error text; nothing is parsed any more */
} ChanSpdyEventType;

typedef struct
{
  ChanSpdyEventType type;
  guint32 stream_id;
  gpointer stream_data;      /* as set with chan_spdy_conn_set_stream_data() */
  ChanSpdyOpen open;         /* OPEN; strings valid until the next call */
  const guint8 *data;        /* DATA; points into what was fed */
  gsize len;
  guint32 status;            /* RESET, GOAWAY, REPLY, FAILED (the status of our GOAWAY) */
  gboolean has_code;         /* RESET by ABORT: code and text are the application's */
  guint32 code;              /* ChanChannelError */
  const char *text;          /* RESET: nullable, UTF-8, at most 256 bytes; FAILED: what is wrong, static */
  guint32 count;             /* TAKEN, FDS */
  guint32 ping_id;
  guint32 last_good;
  gboolean has_window;       /* SETTINGS: INITIAL_WINDOW_SIZE was there */
  guint32 features;          /* SETTINGS: value of the private id, 0 if absent */
  guint32 session_fds;       /* SETTINGS: the same */
} ChanSpdyEvent;

ChanSpdyConn *chan_spdy_conn_new  (ChanSpdyRole role, const ChanLimits *limits);
void          chan_spdy_conn_free (ChanSpdyConn *self);

/* --- input -------------------------------------------------------------- */

/* Monotonic microseconds, for the rate limits. Call before feed. */
void     chan_spdy_conn_set_now    (ChanSpdyConn *self, gint64 now_us);
/* Lends the next bytes; every byte must be consumed by next_event() (until it
 * returns FALSE) before the next feed, and the memory must stay until then. */
void     chan_spdy_conn_feed       (ChanSpdyConn *self, const guint8 *data, gsize len);
/* The same for file descriptors that came with the bytes which are fed next. */
void     chan_spdy_conn_feed_fds   (ChanSpdyConn *self, guint n);
/* FALSE: everything fed is consumed (or the connection has failed). DATA
 * events point into the fed memory: no copy is made. ROOM events also come when
 * nothing was fed: ask after set_dialect(), and after consume_output(). */
gboolean chan_spdy_conn_next_event (ChanSpdyConn *self, ChanSpdyEvent *ret_event);
/* A frame has begun and is not complete. */
gboolean chan_spdy_conn_in_frame   (ChanSpdyConn *self);
/* The same for the timers that slow peers meet: which, counted from 1, and whether it is DATA; 0: none. */
guint64  chan_spdy_conn_get_frame  (ChanSpdyConn *self, gboolean *ret_is_data);

/* --- streams ------------------------------------------------------------ */

/* The dialect decides what may be sent: TAKEN, ABORT, session windows only to
 * GLIB; windows are obeyed only once the peer showed that it grants them. While
 * it is UNKNOWN no more is sent than any peer may expect: 64 KiB a stream,
 * 256 KiB in all. */
void     chan_spdy_conn_set_dialect     (ChanSpdyConn *self, ChanSpdyDialect dialect);
/* jschan, and not an old Go: it has sent SETTINGS. */
gboolean chan_spdy_conn_is_jschan       (ChanSpdyConn *self);
/* SETTINGS (INITIAL_WINDOW_SIZE, private id) as our first frame. Where their
 * features are not known yet, all output waits for them. */
void     chan_spdy_conn_await_settings  (ChanSpdyConn *self);
void     chan_spdy_conn_submit_settings (ChanSpdyConn *self, guint32 features);
/* Queues SYN_STREAM; gives stream id and ref. A parent is sent where the dialect
 * has one. FALSE: ids are used up (2^30), GOAWAY was seen or sent, the
 * connection has failed, or the strings are larger than the limits. */
gboolean chan_spdy_conn_open            (ChanSpdyConn *self, const ChanSpdyOpen *info, /* ref is ignored */
                                         gpointer stream_data, guint32 *ret_id, guint64 *ret_ref);
/* No stream of ours can be opened any more, for want of ids. */
gboolean chan_spdy_conn_is_used_up      (ChanSpdyConn *self);
void     chan_spdy_conn_set_stream_data (ChanSpdyConn *self, guint32 stream_id, gpointer data);
gpointer chan_spdy_conn_get_stream_data (ChanSpdyConn *self, guint32 stream_id);
guint64  chan_spdy_conn_get_ref         (ChanSpdyConn *self, guint32 stream_id);

/* Opened by PUSH, in generation 1 between a server and a client of jschan: who
 * accepts it sends no SYN_REPLY, but the head of an HTTP response as first DATA. */
gboolean chan_spdy_conn_is_pushed       (ChanSpdyConn *self, guint32 stream_id);

typedef enum { CHAN_SPDY_CLAIM_OK, CHAN_SPDY_CLAIM_UNKNOWN, CHAN_SPDY_CLAIM_TWICE } ChanSpdyClaim;
/* Finds the peer's stream with this ref, and marks it as claimed (once). */
ChanSpdyClaim chan_spdy_conn_claim (ChanSpdyConn *self, guint64 ref, guint32 *ret_id);

/* The same without claiming it; TWICE if it is claimed. */
ChanSpdyClaim chan_spdy_conn_lookup_ref (ChanSpdyConn *self, guint64 ref, guint32 *ret_id);

/* May a message be sent now? TRUE if nothing is pending on the stream, its
 * window (and the session's) is open, and the output queue is below its high
 * water. If it returned FALSE a ROOM event follows when that changes. */
gboolean chan_spdy_conn_has_room (ChanSpdyConn *self, guint32 stream_id);

/* Queues bytes as DATA frames. Takes everything: what the windows do not allow
 * yet stays pending on the stream. Segments are copied below 16 KiB, and
 * referenced above if `owner` is given. */
typedef struct
{
  const guint8 *data;
  gsize len;
  GBytes *owner; /* nullable: keeps data alive */
} ChanSpdySegment;
void chan_spdy_conn_send_data (ChanSpdyConn *self, guint32 stream_id,
                               const ChanSpdySegment *segments, gsize n_segments);
/* The same for one whole message, which generation 1 has in one DATA frame: it
 * waits until the windows are open so far, and must not be larger than: */
void  chan_spdy_conn_send_message (ChanSpdyConn *self, guint32 stream_id,
                                   const ChanSpdySegment *segments, gsize n_segments);
/* The next message on the stream names so many file descriptors: queues FDS.
 * They must be written with its first byte (chan_spdy_conn_output_fds). GLIB only. */
void  chan_spdy_conn_send_fds     (ChanSpdyConn *self, guint32 stream_id, guint count);
/* The next message on this stream names others, or is the first on one that is
 * named: to a Go peer it waits, and what follows on the stream, until all but a
 * few streams of ours are answered. */
void  chan_spdy_conn_hold         (ChanSpdyConn *self, guint32 stream_id);
gsize chan_spdy_conn_message_max  (ChanSpdyConn *self, guint32 stream_id); /* G_MAXSIZE: no limit */
gsize chan_spdy_conn_pending  (ChanSpdyConn *self, guint32 stream_id); /* bytes not yet in frames */
gboolean chan_spdy_conn_all_sent (ChanSpdyConn *self);                 /* nothing pending on any stream */
/* Our half is complete: empty DATA with FIN after what is pending. Idempotent. */
void chan_spdy_conn_finish    (ChanSpdyConn *self, guint32 stream_id);
/* Ends the stream now; what is pending is dropped. To GLIB peers with code and
 * text (ABORT frame), to others RST_STREAM with `status`. */
void chan_spdy_conn_reset     (ChanSpdyConn *self, guint32 stream_id, ChanSpdyStatus status,
                               guint32 code, const char *text);
/* The same, after what is pending. */
void chan_spdy_conn_reset_behind (ChanSpdyConn *self, guint32 stream_id, ChanSpdyStatus status,
                                  guint32 code, const char *text);
/* STOP: we read no more of the stream, though we may write. GLIB only, else nothing. */
void chan_spdy_conn_stop      (ChanSpdyConn *self, guint32 stream_id, guint32 code, const char *text);
/* TAKEN: the application took `count` messages in all. GLIB only, else nothing. */
void chan_spdy_conn_taken     (ChanSpdyConn *self, guint32 stream_id, guint32 count);
/* The application took `bytes` received on the stream: windows go up (batched
 * to half a window), and grow while the reader keeps up. */
void chan_spdy_conn_consumed  (ChanSpdyConn *self, guint32 stream_id, gsize bytes);
/* The same for bytes of a message that is not complete, from the owner of a
 * reassembly slot: both windows go up at once, so that it can be completed. */
void chan_spdy_conn_grant_now (ChanSpdyConn *self, guint32 stream_id, gsize bytes);
/* Of what came on the stream, `bytes` stay unread when it is forgotten: the
 * session's window opens by them only with chan_spdy_conn_discard(). */
void chan_spdy_conn_keep      (ChanSpdyConn *self, guint32 stream_id, gsize bytes);
/* Bytes that nobody gets, or that were kept: the session's window opens again. */
void chan_spdy_conn_discard   (ChanSpdyConn *self, gsize bytes);
/* Bytes the peer may still send on the stream (G_MAXUINT32: it obeys no window). */
guint32 chan_spdy_conn_receive_window (ChanSpdyConn *self, guint32 stream_id);
guint32 chan_spdy_conn_session_receive_window (ChanSpdyConn *self);
/* The session's window opens with the next output as far as it may. Gives how many bytes that is. */
guint32 chan_spdy_conn_open_session_window    (ChanSpdyConn *self);
/* The peer sends no more on a stream than its window allows. */
gboolean chan_spdy_conn_obeys_windows (ChanSpdyConn *self);
/* The owner is done with the stream: no more events. What comes is thrown away,
 * what is pending is sent; its id is forgotten once both halves are over. */
void chan_spdy_conn_forget    (ChanSpdyConn *self, guint32 stream_id);

void    chan_spdy_conn_ping   (ChanSpdyConn *self, guint32 *ret_id);
void    chan_spdy_conn_goaway (ChanSpdyConn *self, guint32 status);
guint   chan_spdy_conn_n_streams (ChanSpdyConn *self);

/* --- output ------------------------------------------------------------- */

/* Up to n_segments pieces of what waits to be written, in order. They stay
 * valid until consumed. Also after a failure: the GOAWAY. The owner stops
 * feeding while more than limits->output_high_water bytes wait: a peer that does
 * not read its answers gets no more of them. */
gsize    chan_spdy_conn_peek_output    (ChanSpdyConn *self, ChanSpdySegment *segments, gsize n_segments);
void     chan_spdy_conn_consume_output (ChanSpdyConn *self, gsize bytes);
/* How many file descriptors go with the first byte of that; the pieces end
 * before a byte with which others go. */
guint    chan_spdy_conn_output_fds     (ChanSpdyConn *self);
gsize    chan_spdy_conn_output_bytes   (ChanSpdyConn *self);
/* Some of it is more than TAKEN frames, which may wait for company. */
gboolean chan_spdy_conn_output_urgent  (ChanSpdyConn *self);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-bucket.h"
#include "chan-import-table.h"
#include "chan-output-queue.h"
#include "chan-spdy-conn.h"
#include "chan-spdy-frame.h"
#include "chan-spdy-headers.h"
#include "chan-spdy-stream.h"

G_BEGIN_DECLS

/* The session's window, both ways, before the first WINDOW_UPDATE: between
 * GLIB peers, and in SPDY/3.1 (jschan, once stream 0 appears). */
#define CHAN_SPDY_SESSION_WINDOW_GLIB (256u * 1024u)
#define CHAN_SPDY_SESSION_WINDOW_31 (64u * 1024u)
/* SPDY/3 2.6.8: a stream's, before SETTINGS. */
#define CHAN_SPDY_STREAM_WINDOW_DEFAULT (64u * 1024u)
/* Node reads so much at once, and jschan dies of a message that came in two
 * reads: a DATA frame with a larger one is certain to. */
#define CHAN_SPDY_JSCHAN_FRAME_MAX (64u * 1024u - CHAN_SPDY_HEAD_SIZE)

/* GEN2: Go gives up a message whose streams are not there yet when ten others
 * came meanwhile; so one that names streams waits while more than these are not
 * answered. */
#define CHAN_SPDY_UNANSWERED_MAX 8u

/* What the next byte from the peer belongs to. */
typedef enum
{
  CHAN_SPDY_INPUT_HEAD,
  CHAN_SPDY_INPUT_CONTROL,
  CHAN_SPDY_INPUT_DATA,
  CHAN_SPDY_INPUT_FIN,    /* none: a FIN event is next */
  CHAN_SPDY_INPUT_SKIP,
  CHAN_SPDY_INPUT_FAILED, /* none: a FAILED event is next */
  CHAN_SPDY_INPUT_OVER,
  CHAN_SPDY_INPUT_N_STATES,
} ChanSpdyInputState;

/* File descriptors that go with a byte of the output. */
typedef struct
{
  guint64 offset; /* of that byte, as output_consumed counts */
  guint count;
} ChanSpdyFdMark;

struct _ChanSpdyConn
{
  ChanLimits limits;
  ChanSpdyRole role;
  ChanSpdyDialect dialect;
  gint64 now_us;

  /* input */
  ChanSpdyInputState input;
  const guint8 *data, *end;       /* fed and not consumed */
  guint8 head_bytes[CHAN_SPDY_HEAD_SIZE];
  guint head_len;
  guint64 n_frames;               /* that have begun */
  ChanSpdyHead head;
  guint32 left;                   /* of the frame's payload */
  GByteArray *gathered;           /* payload of a control frame in pieces, else NULL */
  ChanSpdyStream *data_stream;    /* DATA, FIN: whose; NULL: nobody's any more */
  ChanSpdyHeadersIn headers_in;
  const char *failure;
  char *abort_text;               /* of the last event, else NULL */
  ChanBucket resets, glitches, pings, settings;
  gboolean introduced;            /* a control frame came */
  gboolean heard;                 /* and was handled */
  guint32 data_frames;            /* since their mean was last looked at */
  guint64 data_bytes;
  guint n_fds;                    /* file descriptors that came and were not announced yet */
  gboolean tiny;                  /* it was low: from now on small ones are glitches */

  /* streams */
  GHashTable *streams;            /* id -> ChanSpdyStream, owned */
  ChanSpdyStream *last;           /* the one looked up last, NULL: none */
  ChanImportTable imports;
  guint n_peer_streams;
  guint n_unanswered;             /* streams of ours without a SYN_REPLY */
  guint n_held;
  guint32 last_peer_id;
  guint32 next_id;
  guint64 next_ref;
  guint32 ref_step;
  guint32 next_ping;

  /* windows */
  gboolean credit;                /* the peer grants windows */
  gboolean obeys;                 /* and obeyed ours from its first byte on */
  gboolean session_31;            /* a peer of another kind uses stream 0's window */
  gboolean stream_limited;        /* we obey windows of streams */
  gboolean session_limited;       /* and that of the session */
  gboolean grants;                /* we grant windows */
  guint32 peer_window;            /* the peer's initial window */
  ChanFlowSend session_send;
  ChanFlowReceive session_receive;

  /* output */
  ChanOutputQueue output;
  ChanSpdyHeadersOut headers_out;
  GQueue ready;                   /* streams with pending bytes and an open window, by turn */
  GQueue room;                    /* streams that wait for a ROOM event */
  GQueue due;                     /* streams with a TAKEN or WINDOW_UPDATE to write */
  guint n_due;                    /* such frames, all CHAN_SPDY_PAIR_SIZE long */
  guint n_taken_due;              /* of these, TAKEN */
  gboolean session_due;
  guint32 next_turn;
  guint64 output_consumed;
  guint64 reply_mark;             /* output offset: replies before it are `replies_old` */
  guint replies_old, replies_new; /* unsent, at most */
  GArray *fd_marks;               /* of ChanSpdyFdMark, by offset; NULL: none */
  gboolean settings_sent;
  gboolean settings_awaited;      /* all output waits for them */
  gboolean goaway_sent;
  gboolean goaway_received;
  GArray *refused;                /* ids that a GOAWAY left out and no RESET event told of, falling; NULL: none */
};

static inline gboolean
chan_spdy_conn_is_over (const ChanSpdyConn *self)
{
  return self->input >= CHAN_SPDY_INPUT_FAILED;
}

/* In generation 1, jschan sends SETTINGS before all else, and Go never does. */
static inline gboolean
chan_spdy_conn_may_be_jschan (const ChanSpdyConn *self)
{
  return self->dialect == CHAN_SPDY_DIALECT_GEN1 && (self->credit || !self->heard);
}

/* --- chan-spdy-conn.c --------------------------------------------------- */

ChanSpdyStream *chan_spdy_conn_lookup        (ChanSpdyConn *self, guint32 stream_id);
/* NULL also after a failure: for what would send. */
ChanSpdyStream *chan_spdy_conn_lookup_live   (ChanSpdyConn *self, guint32 stream_id);
ChanSpdyStream *chan_spdy_conn_add_stream    (ChanSpdyConn *self, guint32 stream_id, ChanSpdyStreamState state);
/* Moves the stream's state on, and counts. chan_spdy_conn_release_held() follows where it may have been answered. */
ChanSpdyVerdict chan_spdy_conn_handle        (ChanSpdyConn *self, ChanSpdyStream *stream, ChanSpdyStreamInput input);
/* If the owner and both halves are done with it; it may be freed then. */
void            chan_spdy_conn_maybe_remove  (ChanSpdyConn *self, ChanSpdyStream *stream);
/* Was this id ever opened, by either side? */
gboolean        chan_spdy_conn_knows_id      (const ChanSpdyConn *self, guint32 stream_id);
/* Ends the connection: GOAWAY 1, a FAILED event, and nothing more. `text` is static. Always FALSE. */
gboolean        chan_spdy_conn_fail          (ChanSpdyConn *self, const char *text);
/* Something useless but harmless came. FALSE: too often, and the connection has failed. */
gboolean        chan_spdy_conn_glitch        (ChanSpdyConn *self);
void            chan_spdy_conn_init_event    (ChanSpdyEvent *event, ChanSpdyEventType type, ChanSpdyStream *stream);
/* Calls func for every stream in the order of their ids, so that nothing depends on hashing. */
void            chan_spdy_conn_foreach       (ChanSpdyConn *self, void (*func) (ChanSpdyConn *, ChanSpdyStream *));

/* --- chan-spdy-conn-input.c, -control.c, -syn.c ------------------------- */

/* Moves the stream's state on. FALSE: what came must be ignored; a RESET event
 * may be in *event (then its type is RESET). */
gboolean        chan_spdy_conn_peer_input    (ChanSpdyConn *self, ChanSpdyStream *stream, ChanSpdyStreamInput input,
                                              ChanSpdyEvent *event, gboolean *ret_event);
/* The peer broke a rule on this stream: RST_STREAM. TRUE: there is a RESET event. */
gboolean        chan_spdy_conn_reset_bad     (ChanSpdyConn *self, ChanSpdyStream *stream, ChanSpdyStatus status,
                                              ChanSpdyEvent *event);
/* A whole control frame. TRUE: there is an event. */
gboolean        chan_spdy_conn_handle_control (ChanSpdyConn *self, const guint8 *payload, gsize len,
                                               ChanSpdyEvent *event);
/* TRUE: there is a RESET event, for a stream that the peer's GOAWAY leaves out. */
gboolean        chan_spdy_conn_next_refused  (ChanSpdyConn *self, ChanSpdyEvent *event);
gboolean        chan_spdy_conn_handles_type  (const ChanSpdyConn *self, guint16 type);
gboolean        chan_spdy_conn_on_syn_stream (ChanSpdyConn *self, const guint8 *payload, gsize len,
                                              ChanSpdyEvent *event);
gboolean        chan_spdy_conn_on_syn_reply  (ChanSpdyConn *self, const guint8 *payload, gsize len,
                                              ChanSpdyEvent *event);
gboolean        chan_spdy_conn_on_headers    (ChanSpdyConn *self, const guint8 *payload, gsize len,
                                              ChanSpdyEvent *event);

/* --- chan-spdy-conn-window.c -------------------------------------------- */

/* The dialect or the peer's habits changed. */
void            chan_spdy_conn_update_modes  (ChanSpdyConn *self);
void            chan_spdy_conn_init_windows  (ChanSpdyConn *self, ChanSpdyStream *stream);
/* A DATA frame of this length has begun. FALSE: beyond the session's window. */
gboolean        chan_spdy_conn_session_take  (ChanSpdyConn *self, guint32 length);
/* The same, beyond the stream's. */
gboolean        chan_spdy_conn_stream_take   (ChanSpdyConn *self, ChanSpdyStream *stream, guint32 length);
/* Everything received on the stream counts as consumed. */
void            chan_spdy_conn_discard_unread (ChanSpdyConn *self, ChanSpdyStream *stream);
/* The peer's WINDOW_UPDATE and INITIAL_WINDOW_SIZE. TRUE: there is an event. */
gboolean        chan_spdy_conn_raise_window  (ChanSpdyConn *self, guint32 stream_id, guint32 delta,
                                              ChanSpdyEvent *event);
void            chan_spdy_conn_set_peer_window (ChanSpdyConn *self, guint32 window);

/* --- chan-spdy-conn-send.c ---------------------------------------------- */

/* Moves pending bytes to the output, as far as windows and high water allow. */
void            chan_spdy_conn_pump          (ChanSpdyConn *self);
/* Its window, its pending bytes, or its wish for room changed: puts it into the right list. */
void            chan_spdy_conn_update_wait   (ChanSpdyConn *self, ChanSpdyStream *stream);
void            chan_spdy_conn_release_held  (ChanSpdyConn *self);
void            chan_spdy_conn_stop_sending  (ChanSpdyConn *self, ChanSpdyStream *stream);
gboolean        chan_spdy_conn_next_room     (ChanSpdyConn *self, ChanSpdyEvent *event);

/* --- chan-spdy-conn-output.c -------------------------------------------- */

void            chan_spdy_conn_write_pair    (ChanSpdyConn *self, guint16 type, guint32 first, guint32 second);
void            chan_spdy_conn_write_reply   (ChanSpdyConn *self, guint32 stream_id, const char *status);
void            chan_spdy_conn_write_ping    (ChanSpdyConn *self, guint32 ping_id);
/* ABORT or STOP */
void            chan_spdy_conn_write_reason  (ChanSpdyConn *self, ChanSpdyType type, guint32 stream_id, guint32 code, const char *text);
/* `associated`: what a PUSH is associated with, else 0. FALSE: the headers are too large, and nothing is written. */
gboolean        chan_spdy_conn_write_open    (ChanSpdyConn *self, guint32 stream_id, const ChanSpdyOpen *info, guint32 associated);
/* An answer that the peer caused: they are bounded while unsent. */
gboolean        chan_spdy_conn_count_reply   (ChanSpdyConn *self);
void            chan_spdy_conn_set_taken_due (ChanSpdyConn *self, ChanSpdyStream *stream);
void            chan_spdy_conn_set_window_due (ChanSpdyConn *self, ChanSpdyStream *stream);
/* TAKEN must not come after our last frame of the stream: the peer forgets it then. */
void            chan_spdy_conn_flush_taken   (ChanSpdyConn *self, ChanSpdyStream *stream);
void            chan_spdy_conn_drop_window_due (ChanSpdyConn *self, ChanSpdyStream *stream);
void            chan_spdy_conn_drop_due      (ChanSpdyConn *self, ChanSpdyStream *stream);

G_END_DECLS

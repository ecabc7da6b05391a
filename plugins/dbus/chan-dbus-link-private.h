/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-dbus-fork.h"
#include "chan-dbus-link.h"
#include "chan-dbus-objects.h"
#include "chan-dbus-value.h"

G_BEGIN_DECLS

#define CHAN_DBUS_PEER "org.libchan.Peer"

/* What is sent and not answered: then other calls wait here, for a bus refuses more than it has room for. */
#define CHAN_DBUS_UNANSWERED_BYTES ((gsize) 1024 * 1024)
/* A peer that does not answer leaves the rest of what a connection may have to other sessions (chan-dbus-route.c). */
#define CHAN_DBUS_UNANSWERED_CALLS 32
/* Calls that wait behind those, for each stream that the peer may open: more, and it opens none. */
#define CHAN_DBUS_WAITING_PER_STREAM 16
/* What a call and a message count besides their values. */
#define CHAN_DBUS_CALL_BYTES 256
/* Descriptors of one call that a bus passes: it cuts off who sends more. The default of all buses; who raises message-fds
 * above it says that this one takes more. */
#define CHAN_DBUS_BUS_FDS 16
/* What was taken is told when it is half of what may wait, or after so long. */
#define CHAN_DBUS_GRANT_US 20000
#define CHAN_DBUS_MESSAGE_BYTES 256
/* What is kept of the name of a channel, and of what the peer says of an error. */
#define CHAN_DBUS_NAME_MAX 8192
#define CHAN_DBUS_TEXT_MAX 1024
/* Bytes of a byte stream that were read and not taken. */
#define CHAN_DBUS_BYTES_WINDOW ((gsize) 64 * 1024)

typedef enum
{
  CALL_CONTROL,
  CALL_PUSH,
  CALL_PING,
  CALL_CLOSE,
} CallKind;

/* A call of ours, before and after it is sent. */
typedef struct
{
  CallKind kind;
  guint64 tag;           /* when it is sent: in order */
  guint64 number;        /* PUSH: of the stream */
  gsize bytes;
  GDBusMessage *message; /* until it is sent */
} Call;

/* What the link knows of a stream. */
typedef struct
{
  guint64 id;              /* the core's */
  guint64 number;          /* the opener's: the client's are odd */
  guint64 parent;          /* number; 0: top level */
  guint8 kind;             /* ChanStreamKind */
  guint8 ours;
  guint8 named;            /* by a message, or top level */
  guint8 was_reset;        /* what waits is dropped */
  guint8 wants_room;
  guint8 granting;         /* in link->granting */
  guint8 grant_due;        /* and to be told now */
  guint capacity;
  /* channels */
  guint32 n_out, n_in;     /* messages */
  gsize out, out_taken;    /* bytes sent, and of these taken by the peer's application; absolute */
  gsize in, in_taken;
  guint32 n_in_taken, n_told; /* messages that ours took, and that the peer knows of */
  gsize in_told;           /* bytes of these */
  /* byte streams: chan-dbus-link-bytes.c */
  int fd;                  /* our end, or -1 */
  ChanDBusForkFd *fork_fd; /* of it */
  int far_fd;              /* the peer's, until a message names it; or -1 */
  guint32 watched;         /* epoll events */
  GBytes *rest;            /* what the socket did not take; or NULL */
  gsize rest_offset;
  guint8 finish_wanted;    /* behind `rest` */
  guint8 finish_seen;      /* the peer wrote finish_bytes in all */
  guint8 in_over;          /* all bytes came */
  guint8 in_ended;         /* the socket says nothing more */
  guint8 out_broken;       /* nor does it take anything */
  guint64 finish_bytes;
  guint8 reset_wanted;     /* the peer has ended it, when reset_bytes have come: those that it had written then */
  ChanChannelError reset_code;
  char *reset_text;        /* or NULL */
  guint64 reset_bytes;
} Stream;

struct _ChanDBusLink
{
  ChanLink parent_instance;

  /* Everything under the session's lock. */
  ChanDBusRoute *route;
  char *peer_path;
  ChanDBusObjects *objects;
  ChanSessionRole role;
  GCredentials *credentials;
  int epoll_fd;
  GHashTable *streams;      /* number → Stream */
  guint64 next_number;      /* of ours */
  guint64 last_peer_number;
  guint n_peer_streams, n_unnamed;
  GQueue waiting;           /* of Call: not sent */
  GQueue unanswered;        /* of Call: sent, in order */
  gsize waiting_bytes, unanswered_bytes;
  guint64 last_tag;
  GPtrArray *granting;      /* of Stream: the peer has to hear what was taken */
  gint64 grant_deadline;    /* of those about which it may hear later; 0: none */
  gsize in_flight;          /* bytes of messages that the peer's application has not taken */
  gsize unread;             /* bytes of the peer's messages that ours has not, of open channels */
  gsize kept;               /* the same of those that are over */
  gsize bytes_unread;       /* and of byte streams */
  gboolean paused;          /* nothing that comes is looked at: chan-dbus-link-unread.c */
  gboolean room_wanted;     /* by some stream */
  guint64 bytes_in, bytes_out;
  gboolean started, closing, close_sent, over;
  guint generation;         /* of the process that made it (chan-dbus-fork.h) */
  gboolean pinging, ping_wanted;
  gint64 now, heard, ping_deadline;
  GError *failure;          /* found while handling; the service returns it */
  /* options */
  ChanDBusValueLimits limits;
  guint max_handles, max_fds, max_session_fds, max_streams;
  guint keepalive_sec, keepalive_timeout_sec;
  gsize max_message, window, session_window, unread_window;
  /* the peer's */
  gsize peer_max_message, peer_window, peer_session_window, peer_unread_window;
};

/* chan-dbus-link-streams.c */
Stream  *chan_dbus_link_lookup     (ChanDBusLink *self, guint64 number);
Stream  *chan_dbus_link_add_stream (ChanDBusLink *self, guint64 number, guint64 id, const ChanOpenInfo *info, gboolean ours);
void     chan_dbus_link_free_stream (ChanDBusLink *self, Stream *stream);
void     chan_dbus_link_cancel_children (ChanDBusLink *self, guint64 number);
gboolean chan_dbus_link_open     (ChanLink *link, guint64 id, const ChanOpenInfo *info, GError **error);
void     chan_dbus_link_finish   (ChanLink *link, guint64 id);
void     chan_dbus_link_reset    (ChanLink *link, guint64 id, ChanChannelError code, const char *text);
void     chan_dbus_link_stop     (ChanLink *link, guint64 id, ChanChannelError code, const char *text);
void     chan_dbus_link_grant    (ChanLink *link, guint64 id, gsize bytes, guint messages);
gboolean chan_dbus_link_has_room (ChanLink *link, guint64 id);
void     chan_dbus_link_forget   (ChanLink *link, guint64 id);
/* Both ends hear of it. */
void     chan_dbus_link_end_stream (ChanDBusLink *self, Stream *stream, ChanChannelError code, const char *text);
/* Streams that wanted room are told. */
void     chan_dbus_link_room       (ChanDBusLink *self);

/* chan-dbus-link-calls.c; takes parameters. fds: nullable */
void     chan_dbus_link_call       (ChanDBusLink *self, CallKind kind, guint64 number, const char *method, GVariant *parameters, GUnixFDList *fds);
void     chan_dbus_link_flush      (ChanDBusLink *self);
/* The session is over: nothing more is said or heard. */
void     chan_dbus_link_over       (ChanDBusLink *self, const char *error_name, const char *text);

/* TRUE: this is a child of the process whose link it is. Then it is over, and what its threads may have locked is left. */
gboolean chan_dbus_link_is_left     (ChanDBusLink *self);

void     chan_dbus_link_set_poll    (ChanDBusLink *self);
void     chan_dbus_link_answered   (ChanDBusLink *self, guint64 tag, GDBusMessage *reply);

/* chan-dbus-link-input.c */
void     chan_dbus_link_called     (ChanDBusLink *self, GDBusMessage *call);
/* error: or NULL */
void     chan_dbus_link_answer     (ChanDBusLink *self, GDBusMessage *call, const GError *error);

/* chan-dbus-link-push.c */
const char    *chan_dbus_kind_name (ChanStreamKind kind);
ChanStreamKind chan_dbus_kind_of   (const char *name); /* 0: none */
gboolean chan_dbus_link_send       (ChanLink *link, guint64 id, ChanMessage *message, const ChanHandleRef *refs, gsize n_refs, gsize *cost, GError **error);
/* FALSE: the call failed, code and text say why. */
gboolean chan_dbus_link_pushed     (ChanDBusLink *self, GDBusMessage *call, GVariant *body, GError **error);

/* chan-dbus-link-unread.c */
/* While less than this is unread, a message may begin on a channel that holds none. */
gsize    chan_dbus_unread_window     (gsize max_unread, gsize session_window, gsize max_message);
gsize    chan_dbus_link_count_unread (ChanDBusLink *self);
/* How much may be read of a byte stream now */
gsize    chan_dbus_bytes_window      (ChanDBusLink *self, const Stream *stream);
gboolean chan_dbus_link_is_paused    (ChanDBusLink *self);
gsize    chan_dbus_link_keep         (ChanLink *link, guint64 id, gsize bytes, guint n_messages);
void     chan_dbus_link_release      (ChanLink *link, gsize bytes, gsize beyond, guint n_messages);

/* chan-dbus-link-bytes.c */
gboolean chan_dbus_bytes_new    (Stream *stream, GError **error);  /* a pair of sockets */
void     chan_dbus_bytes_take   (ChanDBusLink *self, Stream *stream, int fd);
gboolean chan_dbus_bytes_write  (ChanLink *link, guint64 id, GBytes *bytes, GError **error);
void     chan_dbus_bytes_finish (ChanDBusLink *self, Stream *stream);
void     chan_dbus_bytes_finished (ChanDBusLink *self, Stream *stream, guint64 bytes);
void     chan_dbus_bytes_watch  (ChanDBusLink *self, Stream *stream);
void     chan_dbus_bytes_ready  (ChanDBusLink *self, Stream *stream, guint32 events);
/* The peer has ended it: what is still in the socket comes first. The stream may be gone afterwards. */
void     chan_dbus_bytes_reset  (ChanDBusLink *self, Stream *stream, ChanChannelError code, const char *text);
/* The peer has ended all: what is still in the socket comes now. The stream may be gone afterwards. */
void     chan_dbus_bytes_drain  (ChanDBusLink *self, Stream *stream);
void     chan_dbus_bytes_close  (ChanDBusLink *self, Stream *stream);

static inline gboolean
chan_dbus_kind_is_bytes (guint kind)
{
  return kind != CHAN_STREAM_SENDER && kind != CHAN_STREAM_RECEIVER;
}

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>
#include <libchan-glib/chan-error.h>
#include <libchan-glib/chan-message.h>

G_BEGIN_DECLS

#define CHAN_TYPE_LINK (chan_link_get_type ())

CHAN_API
G_DECLARE_DERIVABLE_TYPE (ChanLink, chan_link, CHAN, LINK, GObject)

/**
 * ChanLinkFlags:
 * @CHAN_LINK_DRIVEN: has an fd or none; its slots run in any thread, under the session's lock; C only
 * @CHAN_LINK_OWN_WINDOWS: does credit for bytes itself and says with `deliver_room` when to go on
 * @CHAN_LINK_BY_REFERENCE: bodies are not serialised
 * @CHAN_LINK_TAKEN: `grant` reaches the peer, so that capacity counts messages taken
 * @CHAN_LINK_FDS: passes file descriptors; to other links they are byte streams
 *
 * What a kind of link can do.
 *
 * Since: 0.1
 */
typedef enum
{
  CHAN_LINK_DRIVEN = 1 << 0,
  CHAN_LINK_OWN_WINDOWS = 1 << 1,
  CHAN_LINK_BY_REFERENCE = 1 << 2,
  CHAN_LINK_TAKEN = 1 << 3,
  CHAN_LINK_FDS = 1 << 4,
} ChanLinkFlags;

/**
 * ChanOpenInfo:
 * @kind: what the end that did not open it gets
 * @parent: the stream whose message names it; 0: a channel for `accept_channel()`
 * @name: (nullable): the channel's name
 * @type: (nullable): what its messages are, for the application
 * @capacity: in messages; only for channels
 *
 * What is said of a stream when it is opened.
 *
 * Since: 0.1
 */
typedef struct
{
  ChanStreamKind kind;
  guint64 parent;
  const char *name;
  const char *type;
  guint capacity;
} ChanOpenInfo;

/**
 * ChanHandleRef:
 * @kind: what the receiver of the message gets
 * @stream: the stream that stands for it; 0 for a file descriptor
 * @fd: the file descriptor, which is the link's if its `send` succeeds; else -1
 *
 * A handle inside a message, as a link sees it.
 *
 * Since: 0.1
 */
typedef struct
{
  ChanStreamKind kind;
  guint64 stream;
  int fd;
} ChanHandleRef;

/**
 * ChanLinkInfo:
 * @dialect: (nullable): what is spoken with the peer
 * @peer_certificate: (nullable): the peer's certificate, as DER
 * @peer_credentials: (nullable): who the peer is, on this machine
 * @local_address: (nullable): the address of this end
 * @remote_address: (nullable): the address of the peer
 * @bytes_in: bytes read from the wire
 * @bytes_out: bytes written to the wire
 * @unread_bytes: bytes of messages that have arrived and were not taken yet
 *
 * What a link tells of itself. Borrowed, valid while the link lives.
 *
 * Since: 0.1
 */
typedef struct
{
  const char *dialect;
  GBytes *peer_certificate;
  GCredentials *peer_credentials;
  GSocketAddress *local_address;
  GSocketAddress *remote_address;
  guint64 bytes_in, bytes_out;
  guint64 unread_bytes;
} ChanLinkInfo;

/**
 * ChanLinkClass:
 * @parent_class: the parent class
 * @flags: what this kind of link can do
 * @open: opens a stream of ours. @stream is chosen by the core, odd numbers on
 *   one side's count; never used twice in a session.
 * @send: takes a whole message; called only while the stream has room. @refs are
 *   the streams of its handles, already open, in index order, and with
 *   %CHAN_LINK_FDS the file descriptors; a handle's local object is never seen
 *   by a link. @cost: the bytes it counts for. On failure
 *   nothing was sent and the channel lives.
 * @write: takes bytes of a byte stream; called only while the stream has room
 * @grant: the application took @bytes bytes, and @messages messages in all
 * @finish: our half is complete, after what was sent
 * @reset: the stream is over, now; what was not written is dropped
 * @reset_behind: the stream is over after what was sent, and @forget is called at once; may be %NULL if
 *   @reset drops nothing that @send or @write took
 * @keep: of what came on @stream, @bytes in @n_messages messages wait for the application though it is about to be
 *   forgotten. Returns what else is to be given back with the last of it. %NULL: nothing is counted
 * @release: so much of what was kept does not wait any more; with @keep
 * @stop: the application reads no more of a byte stream that we still write; may be %NULL
 * @shutdown: the session ends; with @drain after everything sent was written
 * @service: drives it: @ready is what poll() said; does at most 64 KiB of work.
 *   %FALSE with @error: the link is dead
 * @has_room: may a message or bytes be sent on @stream now; if not, it must say when with [method@Chan.Link.deliver_room]
 * @ping: asks the peer for a sign of life, answered with [method@Chan.Link.deliver_pong]. %FALSE: cannot
 * @forget: @stream is over both ways; nothing will be asked about it again
 * @describe: fills in what is known of the peer
 *
 * What a transport's link implements. Slots never block and never call the
 * application. A driven link's slots run under the session's lock, in any
 * thread.
 *
 * Since: 0.1
 */
struct _ChanLinkClass
{
  GObjectClass parent_class;

  ChanLinkFlags flags;

  gboolean (*open)     (ChanLink *self, guint64 stream, const ChanOpenInfo *info, GError **error);
  gboolean (*send)     (ChanLink *self, guint64 stream, ChanMessage *message,
                        const ChanHandleRef *refs, gsize n_refs, gsize *cost, GError **error);
  gboolean (*write)    (ChanLink *self, guint64 stream, GBytes *bytes, GError **error);
  void     (*grant)    (ChanLink *self, guint64 stream, gsize bytes, guint messages);
  void     (*finish)   (ChanLink *self, guint64 stream);
  void     (*reset)    (ChanLink *self, guint64 stream, ChanChannelError code, const char *text);
  void     (*stop)     (ChanLink *self, guint64 stream, ChanChannelError code, const char *text);
  void     (*shutdown) (ChanLink *self, gboolean drain);
  gboolean (*service)  (ChanLink *self, GIOCondition ready, GError **error);
  gboolean (*has_room) (ChanLink *self, guint64 stream);
  gboolean (*ping)     (ChanLink *self);
  void     (*forget)   (ChanLink *self, guint64 stream);
  void     (*describe) (ChanLink *self, ChanLinkInfo *info);
  void     (*reset_behind) (ChanLink *self, guint64 stream, ChanChannelError code, const char *text);
  gsize    (*keep)     (ChanLink *self, guint64 stream, gsize bytes, guint n_messages);
  void     (*release)  (ChanLink *self, gsize bytes, gsize beyond, guint n_messages);

  /*< private >*/
  gpointer padding[5];
};

/* --- up: what a link tells the core. A driven link calls these inside its slots. --- */

/* The link can be used: connected, handshake done, dialect known. */
CHAN_API void     chan_link_ready           (ChanLink *self);
/* The peer opened a stream; its number, or 0: refuse it. kind 0: not known yet (chan_link_bind). */
CHAN_API guint64  chan_link_deliver_open    (ChanLink *self, const ChanOpenInfo *info);
CHAN_API void     chan_link_deliver_message (ChanLink *self, guint64 stream, ChanMessage *message, gsize cost);
CHAN_API void     chan_link_deliver_bytes   (ChanLink *self, guint64 stream, GBytes *bytes);
CHAN_API void     chan_link_deliver_grant   (ChanLink *self, guint64 stream, gsize bytes, guint messages);
CHAN_API void     chan_link_deliver_finish  (ChanLink *self, guint64 stream);
CHAN_API void     chan_link_deliver_reset   (ChanLink *self, guint64 stream, ChanChannelError code, const char *text);
CHAN_API void     chan_link_deliver_stop    (ChanLink *self, guint64 stream, ChanChannelError code, const char *text);
CHAN_API void     chan_link_deliver_room    (ChanLink *self, guint64 stream);
CHAN_API void     chan_link_deliver_pong    (ChanLink *self);
/* A message names the peer's stream: the end object for it, to be put into the message. NULL: claimed already. */
CHAN_API GObject *chan_link_import_end      (ChanLink *self, guint64 stream, const ChanOpenInfo *info);
/* A file descriptor that came: for a message. NULL: more than max of this session wait to be taken, and it is not taken. */
CHAN_API GObject *chan_link_import_fd       (ChanLink *self, int fd, guint max);
/* The message, which takes the handles. The body is checked already. */
CHAN_API ChanMessage *chan_link_make_message (ChanLink *self, GVariant *body, GObject **handles, gsize n_handles);
/* The peer ended the session, cleanly; or the link is broken. */
CHAN_API void     chan_link_hang_up         (ChanLink *self);
CHAN_API void     chan_link_fail            (ChanLink *self, const GError *error);
/* What to poll for (fd -1: nothing), and when to call service() anyway: monotonic µs, G_MAXINT64: never. */
CHAN_API void     chan_link_set_poll        (ChanLink *self, int fd, GIOCondition want, gint64 deadline);
CHAN_API void     chan_link_set_flags       (ChanLink *self, ChanLinkFlags flags);
CHAN_API void     chan_link_set_fd_credit   (ChanLink *self, guint n);
/* The link's own data of a stream. */
CHAN_API void     chan_link_set_stream_data (ChanLink *self, guint64 stream, gpointer data);
CHAN_API gpointer chan_link_get_stream_data (ChanLink *self, guint64 stream);
/* Two links of one process that call each other directly: their sessions share one lock. Before either is used. */
CHAN_API void     chan_link_pair            (ChanLink *self, ChanLink *peer);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libchan-glib/wire/chan-spdy-conn-private.h"

G_BEGIN_DECLS

/* A connection under test. What it reports becomes text, one line an event;
 * DATA of one stream in a row is one line, whatever its pieces were. */
typedef struct
{
  ChanSpdyConn *conn;
  GString *trace;
  GChecksum *data; /* of the DATA not yet in the trace, else NULL */
  guint32 data_id;
  gsize data_len;
  gboolean consume; /* report DATA as consumed at once */
  guint n_events;
} SpdyPeer;

void  spdy_peer_init       (SpdyPeer *self, ChanSpdyRole role, ChanSpdyDialect dialect, const ChanLimits *limits);
void  spdy_peer_clear      (SpdyPeer *self);
/* In pieces of `step` bytes; 0: whole. Each piece is a copy of its own, so that reading past it is seen. */
void  spdy_peer_feed       (SpdyPeer *self, const guint8 *data, gsize len, gsize step);
void  spdy_peer_feed_array (SpdyPeer *self, GByteArray *frames);
/* Events that are there without bytes: ROOM. */
void  spdy_peer_poll       (SpdyPeer *self);
/* The trace up to now, and starts a new one. */
char *spdy_peer_trace      (SpdyPeer *self);
/* Takes all output. */
GByteArray *spdy_peer_output (SpdyPeer *self);
/* The same as text: "SYN_REPLY 1 200; DATA 1 4; FIN 1". */
char *spdy_peer_frames     (SpdyPeer *self);

#define spdy_assert_trace(peer, expected) G_STMT_START { \
    g_autofree char *spdy_text = spdy_peer_trace (peer); \
    g_assert_cmpstr (spdy_text, ==, expected); \
  } G_STMT_END
#define spdy_assert_frames(peer, expected) G_STMT_START { \
    g_autofree char *spdy_text = spdy_peer_frames (peer); \
    g_assert_cmpstr (spdy_text, ==, expected); \
  } G_STMT_END

/* Opens a stream of ours, top-level. */
guint32 spdy_peer_open     (SpdyPeer *self);
void  spdy_peer_send       (SpdyPeer *self, guint32 stream_id, const char *text);
/* So many bytes, at `offset` of a fixed pattern; referenced if `owned`. */
void  spdy_peer_send_bytes (SpdyPeer *self, guint32 stream_id, gsize offset, gsize len, gboolean owned);

/* --- frames of a hostile peer ------------------------------------------- */

typedef struct
{
  GByteArray *bytes;
  ChanSpdyHeadersOut headers;
} SpdyScript;

void  spdy_script_init     (SpdyScript *self);
void  spdy_script_clear    (SpdyScript *self);
/* Feeds what was written to the peer, and forgets it. */
void  spdy_script_run      (SpdyScript *self, SpdyPeer *peer);
void  spdy_script_control  (SpdyScript *self, guint16 type, guint8 flags, const guint8 *payload, gsize len);
void  spdy_script_pair     (SpdyScript *self, guint16 type, guint32 first, guint32 second);
void  spdy_script_ping     (SpdyScript *self, guint32 id);
void  spdy_script_data     (SpdyScript *self, guint32 stream_id, guint8 flags, gsize len);
/* `headers`: "name=value;name=value" */
void  spdy_script_syn      (SpdyScript *self, guint32 stream_id, guint8 flags, const char *headers);
void  spdy_script_reply    (SpdyScript *self, guint32 stream_id, guint8 flags, const char *headers);
void  spdy_script_headers  (SpdyScript *self, guint32 stream_id, const char *headers);
/* SETTINGS with one entry for each of the `n` numbers: id, value, id, value… */
void  spdy_script_settings (SpdyScript *self, guint n, ...);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libchan-glib/wire/chan-spdy-conn-private.h"

G_BEGIN_DECLS

/* What a connection writes, as its peer sees it: aborts if a frame is not well
 * formed, or not allowed where it stands. */
typedef struct
{
  ChanSpdyConn *conn;
  GByteArray *bytes;  /* all of it */
  gsize looked_at;    /* of them */
  GHashTable *streams; /* id -> what was said about it */
  ChanSpdyHeadersIn headers;
  guint n_replies;    /* in the part that was drained last */
  gboolean failed;    /* a GOAWAY with an error was said: the last frame */
} FuzzSpdyOutput;

void fuzz_spdy_output_init    (FuzzSpdyOutput *self, ChanSpdyConn *conn);
void fuzz_spdy_output_clear   (FuzzSpdyOutput *self);
/* Takes all there is, and looks at it. */
void fuzz_spdy_output_drain   (FuzzSpdyOutput *self);
/* The peer opened a stream, to which no SYN_REPLY will come. */
void fuzz_spdy_output_one_way (FuzzSpdyOutput *self, guint32 stream_id);

G_END_DECLS

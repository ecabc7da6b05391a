/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* jschan's client answers a stream that its server pushed with the head of an
 * HTTP response, before anything of its own. This finds where it ends. */

#define CHAN_HTTP_HEAD_BEGIN "HTTP/1.1 200 OK\r\n"
/* What we say in its place: jschan's server throws away the first DATA. */
#define CHAN_HTTP_HEAD CHAN_HTTP_HEAD_BEGIN "\r\n"
#define CHAN_HTTP_HEAD_MAX 8192

typedef struct
{
  guint16 seen; /* bytes of the head so far */
  guint8 end;   /* of the empty line that ends it */
  guint8 over;  /* all that follows is the stream's own */
} ChanHttpHead;

/* How many of the bytes belong to the head. If it proves to be none, `ret_begin`
 * is how many bytes of CHAN_HTTP_HEAD_BEGIN, taken for its beginning before, are
 * the stream's own and come before these; else 0. */
gsize chan_http_head_skip (ChanHttpHead *self, const guint8 *data, gsize len, gsize *ret_begin);

G_END_DECLS

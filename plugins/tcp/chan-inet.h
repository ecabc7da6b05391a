/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-byte-io.h>
#include <libchan-glib/chan-transport.h>

G_BEGIN_DECLS

/* What tcp and tls have in common: everything but what is put around the socket. */

typedef struct
{
  /* Takes over the fd, also on failure. host: the one connected to, NULL on a
   * server. NULL: a plain socket. */
  ChanByteIO *(*wrap) (gpointer data, int fd, ChanSessionRole role, const char *host, GError **error);
  gpointer data;
  GDestroyNotify data_free;
} ChanInetWrap;

/* All three take over wrap's data, also on failure. */
gboolean chan_inet_open_link (ChanOperation *operation, const ChanInetWrap *wrap, GError **error);
gboolean chan_inet_listen    (ChanListener *listener, ChanOperation *operation, const ChanInetWrap *wrap, GError **error);
void     chan_inet_unlisten  (ChanListener *listener);

/* --- shared by the parts --- */

ChanByteIO *chan_inet_wrap_socket (const ChanInetWrap *self, int fd, ChanSessionRole role, const char *host, GError **error);
void        chan_inet_wrap_clear  (ChanInetWrap *self);
/* SCHEME://HOST:PORT, for people and as the address of a listener. */
char       *chan_inet_dup_text    (GUri *uri, int port);
/* A port there must be, and no user or path: BAD_CONFIG if not. */
gboolean    chan_inet_check_uri   (GUri *uri, GError **error);

G_END_DECLS

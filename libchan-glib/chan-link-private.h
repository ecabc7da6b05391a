/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-fd-private.h"
#include "chan-link.h"
#include "chan-session-core.h"

G_BEGIN_DECLS

typedef struct
{
  ChanSessionCore *session; /* borrowed; NULL before and after */
  ChanReactor *reactor;     /* of a pair, before the session takes it */
  ChanLinkFlags flags;
  gboolean asks_at_end;     /* the peer never ends its half of a channel: the link asks it whether it has read all */
  gboolean unsaid;          /* it fails before all that was to be said is out */
  GError *cut_error;        /* if it hangs up and that cut something off: the error; NULL: a general one */
  /* Somebody waits for a message of a stream that the link said starves. */
  void (*wanted) (ChanLink *self, guint64 stream);
  int fd;
  const guint *extra_fds;   /* chan-byte-io.h; NULL: none */
  GIOCondition want;
  gint64 deadline;
  ChanFdQuota *fd_quota;    /* of chan_link_import_fd(); NULL: none came */
  guint fd_credit;          /* how many the peer takes that its application has not taken yet; 0: it did not say */
} ChanLinkPrivate;

ChanLinkPrivate *chan_link_private (ChanLink *self);
/* NULL if it is over; *later: of the slot that is being called */
ChanStream      *chan_link_lookup  (ChanLink *self, guint64 stream, ChanLater **later);

G_END_DECLS

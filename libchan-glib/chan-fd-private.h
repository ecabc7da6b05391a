/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-fd.h"
#include "chan-later.h"
#include "chan-message.h"

G_BEGIN_DECLS

/* How many file descriptors of a session were received and are not the application's yet: of streams that live, as the
 * peer counts them, and of streams that are over, which it has forgotten. */
typedef struct
{
  gatomicrefcount ref_count;
  guint max;
  gint n;    /* atomic */
  gint left; /* atomic */
} ChanFdQuota;

ChanFdQuota *chan_fd_quota_new   (guint max);
void         chan_fd_quota_unref (ChanFdQuota *self);

/* As it came: counts for the quota until the application has it. Takes fd. */
ChanFd  *chan_fd_new_received (int fd, ChanFdQuota *quota);
/* The stream over which they came is over, and its messages are still queued. FALSE: there are too many such. */
gboolean chan_fd_leave_behind (ChanMessage *message);
/* The steps of a send (chan-handle.h); no lock held. */
GObject *chan_fd_pack         (ChanFd *self, GError **error);
void     chan_fd_commit       (ChanFd *self);
void     chan_fd_unpack       (ChanFd *self, ChanFd *packed);
void     chan_fd_taken        (ChanFd *self); /* counts no longer */
void     chan_fd_arrived      (ChanFd *self);
void     chan_fd_cancel       (ChanFd *self);
/* In transit: for a link that passes it as it is; still this object's. */
int      chan_fd_peek         (ChanFd *self);
/* It was passed on: the caller closes or keeps it. */
int      chan_fd_take         (ChanFd *self);
/* For one that cannot: a stream on duplicates. NULL: it cannot be one. */
GObject *chan_fd_new_stream   (ChanFd *self, GError **error);
/* Closing may take its time, and is not done under a lock. Takes fd. */
void     chan_fd_close_later  (int fd, ChanLater *later);

G_END_DECLS

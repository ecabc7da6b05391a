/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-conformance.h"
#include "chan-conformance-util.h"

G_BEGIN_DECLS

/* Two channels and a splice between them, in a thread of its own:
 * what goes into `tx` comes out of `rx`. */
typedef struct
{
  ChanTestThread thread;
  ChanSender *tx;         /* into the first channel */
  ChanReceiver *from;     /* spliced */
  ChanSender *to;
  ChanReceiver *rx;       /* of the second channel */
  gint64 deadline;
  GCancellable *cancellable;
  gboolean forwarded;
  GError *error;
} ChanTestSplice;

void chan_test_splice_init  (ChanTestSplice *self, ChanConformanceFixture *f, guint capacity);
void chan_test_splice_start (ChanTestSplice *self);
/* It forwarded everything and the close. */
void chan_test_splice_join  (ChanTestSplice *self);
/* It failed so. */
void chan_test_splice_join_error (ChanTestSplice *self, GQuark domain, int code);
void chan_test_splice_clear (ChanTestSplice *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ChanTestSplice, chan_test_splice_clear)

G_END_DECLS

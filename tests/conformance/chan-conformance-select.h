/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-conformance.h"
#include "chan-conformance-util.h"

G_BEGIN_DECLS

/* What tests of select say all the time. */

#define CHAN_TEST_MAX_CHANNELS 4

typedef struct
{
  guint n;
  ChanSender *tx[CHAN_TEST_MAX_CHANNELS];
  ChanReceiver *rx[CHAN_TEST_MAX_CHANNELS];
} ChanTestChannels;

void chan_test_channels_init  (ChanTestChannels *self, ChanConformanceFixture *f, guint n, guint capacity);
void chan_test_channels_clear (ChanTestChannels *self);

/* Which case went. */
guint        chan_test_select         (ChanSelector *selector);
/* The message that it took: there is one. */
ChanMessage *chan_test_steal          (ChanSelector *selector);
/* The message that it took, or NULL; not an error. */
ChanMessage *chan_test_outcome        (ChanSelector *selector);
/* Takes a message away unseen. */
void         chan_test_drop           (ChanSelector *selector);
void         chan_test_assert_sent    (ChanSelector *selector);

void         chan_test_select_number  (ChanSelector *selector, guint index, guint64 number);
void         chan_test_select_closed  (ChanSelector *selector, guint index);
void         chan_test_select_error   (ChanSelector *selector, guint index, int code);
void         chan_test_select_nothing (ChanSelector *selector);

/* What was sent before has come to this receiver's queue. It takes the first message for that. */
void         chan_test_wait_queued    (ChanConformanceFixture *f, ChanReceiver *rx);

G_END_DECLS

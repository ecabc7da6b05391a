/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-conformance.h"
#include "chan-conformance-util.h"

G_BEGIN_DECLS

/* Requests are dictionaries with a number; the answer is that number. */

ChanMessage *chan_test_request      (guint64 number);
ChanMessage *chan_test_request_with (guint64 number, const char *key, gpointer handle);
/* Sends the number back on the channel that came with it. */
void         chan_test_answer       (ChanMessage *request);

/* A thread that answers everything until the end. */
typedef struct
{
  ChanTestThread thread;
  ChanReceiver *rx;
} ChanTestServing;

void chan_test_serving_start (ChanTestServing *self, ChanReceiver *rx);
void chan_test_serving_clear (ChanTestServing *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ChanTestServing, chan_test_serving_clear)

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-byte-stream-private.h"
#include "chan-pump.h"

G_BEGIN_DECLS

/* Everything after chan_pump_start() happens in `context`. */
typedef struct _ChanPump ChanPump;

/* One direction */
typedef struct
{
  ChanPump *pump;
  GInputStream *from;      /* references; NULL: there is no such direction */
  GOutputStream *to;
  GCancellable *cancellable; /* of what waits for the foreign stream */
  guint8 *buffer;
  gsize n, done;           /* bytes in the buffer; of these, written */
  gsize chunk;             /* to write at once */
} ChanPumpWay;

struct _ChanPump
{
  gatomicrefcount ref_count;
  GObject *stream;         /* the foreign one */
  GMainContext *context;
  ChanByteOutput *near_output; /* ours; references; the same objects as out.to and in.from */
  ChanByteInput *near_input;
  ChanPumpWay out;         /* from the foreign stream to the peer */
  ChanPumpWay in;          /* from the peer to the foreign stream */
  ChanWatch watch;         /* of near_output's pipe: the peer reads no more */
  guint n_running;
  gboolean broken;         /* what the peer wrote did not end well */
};

ChanPump *chan_pump_ref   (ChanPump *self);
void      chan_pump_unref (gpointer self);
/* Any thread, no lock held. */
void      chan_pump_start (ChanPump *self);

G_END_DECLS

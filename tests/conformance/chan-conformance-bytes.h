/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-conformance-util.h"

G_BEGIN_DECLS

/* Threads that write and read byte streams, and add up what they saw. */

typedef struct
{
  ChanTestThread thread;
  GOutputStream *stream;
  gsize n;        /* to write */
  gsize written;
  gboolean close; /* then */
  char *checksum;
  GError *error;
} ChanTestWriting;

void chan_test_writing_start (ChanTestWriting *self, GOutputStream *stream, gsize n, gboolean close);
void chan_test_writing_clear (ChanTestWriting *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ChanTestWriting, chan_test_writing_clear)

typedef struct
{
  ChanTestThread thread;
  GInputStream *stream;
  gsize n;        /* read until the end */
  char *checksum;
  GError *error;  /* NULL: end of file */
} ChanTestReading;

void chan_test_reading_start (ChanTestReading *self, GInputStream *stream);
void chan_test_reading_run   (gpointer self);
void chan_test_reading_clear (ChanTestReading *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ChanTestReading, chan_test_reading_clear)

/* The bytes at `offset` of the endless text that all of these write */
void chan_test_fill (guint8 *buffer, gsize n, gsize offset);

GInputStream  *chan_test_input  (GIOStream *stream);
GOutputStream *chan_test_output (GIOStream *stream);
void           chan_test_write  (GOutputStream *stream, const char *text);
void           chan_test_close  (GOutputStream *stream);
/* Exactly this text comes. */
void           chan_test_read   (GInputStream *stream, const char *text);
void           chan_test_assert_eof (GInputStream *stream);

G_END_DECLS

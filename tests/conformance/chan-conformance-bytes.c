/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-bytes.h"

#include <string.h>

void
chan_test_fill (guint8 *buffer, gsize n, gsize offset)
{
  for (gsize i = 0; i < n; i++)
    buffer[i] = (guint8) ((offset + i) * 131 + ((offset + i) >> 9));
}

static void
writing_run (gpointer data)
{
  ChanTestWriting *self = data;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 buffer[40000];

  while (self->written < self->n && self->error == NULL)
    {
      gsize part = MIN (sizeof buffer, self->n - self->written);
      gssize n = 0;

      chan_test_fill (buffer, part, self->written);
      n = g_output_stream_write (self->stream, buffer, part, NULL, &self->error);
      if (n > 0)
        {
          g_checksum_update (checksum, buffer, n);
          self->written += (gsize) n;
        }
    }
  if (self->close && self->error == NULL)
    g_output_stream_close (self->stream, NULL, &self->error);
  self->checksum = g_strdup (g_checksum_get_string (checksum));
}

void
chan_test_writing_start (ChanTestWriting *self, GOutputStream *stream, gsize n, gboolean close)
{
  self->stream = stream;
  self->n = n;
  self->close = close;
  chan_test_thread_start (&self->thread, writing_run, self);
}

void
chan_test_writing_clear (ChanTestWriting *self)
{
  chan_test_thread_join (&self->thread);
  g_clear_error (&self->error);
  g_clear_pointer (&self->checksum, g_free);
}

void
chan_test_reading_run (gpointer data)
{
  ChanTestReading *self = data;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 buffer[30000];

  for (;;)
    {
      gssize n = g_input_stream_read (self->stream, buffer, sizeof buffer, NULL, &self->error);

      if (n <= 0)
        break;
      g_checksum_update (checksum, buffer, n);
      self->n += (gsize) n;
    }
  self->checksum = g_strdup (g_checksum_get_string (checksum));
}

void
chan_test_reading_start (ChanTestReading *self, GInputStream *stream)
{
  self->stream = stream;
  chan_test_thread_start (&self->thread, chan_test_reading_run, self);
}

void
chan_test_reading_clear (ChanTestReading *self)
{
  chan_test_thread_join (&self->thread);
  g_clear_error (&self->error);
  g_clear_pointer (&self->checksum, g_free);
}

GInputStream *
chan_test_input (GIOStream *stream)
{
  return g_io_stream_get_input_stream (stream);
}

GOutputStream *
chan_test_output (GIOStream *stream)
{
  return g_io_stream_get_output_stream (stream);
}

void
chan_test_write (GOutputStream *stream, const char *text)
{
  g_autoptr (GError) error = NULL;
  gsize written = 0;

  g_assert_true (g_output_stream_write_all (stream, text, strlen (text), &written, NULL, &error));
  g_assert_no_error (error);
}

void
chan_test_close (GOutputStream *stream)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (g_output_stream_close (stream, NULL, &error));
  g_assert_no_error (error);
}

void
chan_test_read (GInputStream *stream, const char *text)
{
  g_autofree char *buffer = g_malloc0 (strlen (text) + 1);
  g_autoptr (GError) error = NULL;
  gsize n = 0;

  g_input_stream_read_all (stream, buffer, strlen (text), &n, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (buffer, ==, text);
}

void
chan_test_assert_eof (GInputStream *stream)
{
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;
      char byte = 0;

      g_assert_cmpint (g_input_stream_read (stream, &byte, 1, NULL, &error), ==, 0);
      g_assert_no_error (error);
    }
}

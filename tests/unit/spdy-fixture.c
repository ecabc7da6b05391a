/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spdy-fixture.h"

#include <stdarg.h>
#include <string.h>

void
spdy_peer_init (SpdyPeer *self, ChanSpdyRole role, ChanSpdyDialect dialect, const ChanLimits *limits)
{
  *self = (SpdyPeer) { .conn = chan_spdy_conn_new (role, limits != NULL ? limits : &chan_limits_default) };
  self->trace = g_string_new (NULL);
  chan_spdy_conn_set_dialect (self->conn, dialect);
}

void
spdy_peer_clear (SpdyPeer *self)
{
  g_clear_pointer (&self->conn, chan_spdy_conn_free);
  g_clear_pointer (&self->data, g_checksum_free);
  g_string_free (self->trace, TRUE);
}

/* --- trace -------------------------------------------------------------- */

static void
flush_data (SpdyPeer *self)
{
  if (self->data == NULL)
    return;
  g_string_append_printf (self->trace, "DATA %u %" G_GSIZE_FORMAT " %.16s\n", self->data_id, self->data_len,
                          g_checksum_get_string (self->data));
  g_clear_pointer (&self->data, g_checksum_free);
}

static void
add_data (SpdyPeer *self, const ChanSpdyEvent *event)
{
  if (self->data != NULL && self->data_id != event->stream_id)
    flush_data (self);
  if (self->data == NULL)
    {
      self->data = g_checksum_new (G_CHECKSUM_SHA256);
      self->data_id = event->stream_id;
      self->data_len = 0;
    }
  g_checksum_update (self->data, event->data, (gssize) event->len);
  self->data_len += event->len;
  if (self->consume)
    chan_spdy_conn_consumed (self->conn, event->stream_id, event->len);
}

static void
add_open (GString *trace, const ChanSpdyEvent *event)
{
  g_string_append_printf (trace, "OPEN %u ref=%" G_GUINT64_FORMAT, event->stream_id, event->open.ref);
  if (event->open.has_parent)
    g_string_append_printf (trace, " parent=%" G_GUINT64_FORMAT, event->open.parent_ref);
  if (event->open.name != NULL)
    g_string_append_printf (trace, " name=%s", event->open.name);
  if (event->open.type != NULL)
    g_string_append_printf (trace, " type=%s", event->open.type);
  if (event->open.capacity >= 0)
    g_string_append_printf (trace, " capacity=%" G_GINT64_FORMAT, event->open.capacity);
  g_string_append_c (trace, '\n');
}

static void
add_reset (GString *trace, const ChanSpdyEvent *event)
{
  if (event->has_code)
    g_string_append_printf (trace, "ABORT %u %u %s\n", event->stream_id, event->code,
                            event->text != NULL ? event->text : "-");
  else
    g_string_append_printf (trace, "RESET %u %u\n", event->stream_id, event->status);
}

static void
add_event (SpdyPeer *self, const ChanSpdyEvent *event)
{
  GString *trace = self->trace;

  self->n_events++;
  if (event->type == CHAN_SPDY_EVENT_DATA)
    {
      add_data (self, event);
      return;
    }
  flush_data (self);
  if (event->type == CHAN_SPDY_EVENT_SETTINGS)
    g_string_append_printf (trace, "SETTINGS window=%d features=%u\n", event->has_window, event->features);
  else if (event->type == CHAN_SPDY_EVENT_OPEN)
    add_open (trace, event);
  else if (event->type == CHAN_SPDY_EVENT_REPLY)
    g_string_append_printf (trace, "REPLY %u %u\n", event->stream_id, event->status);
  else if (event->type == CHAN_SPDY_EVENT_FIN)
    g_string_append_printf (trace, "FIN %u\n", event->stream_id);
  else if (event->type == CHAN_SPDY_EVENT_RESET)
    add_reset (trace, event);
  else if (event->type == CHAN_SPDY_EVENT_ROOM)
    g_string_append_printf (trace, "ROOM %u\n", event->stream_id);
  else if (event->type == CHAN_SPDY_EVENT_TAKEN)
    g_string_append_printf (trace, "TAKEN %u %u\n", event->stream_id, event->count);
  else if (event->type == CHAN_SPDY_EVENT_FDS)
    g_string_append_printf (trace, "FDS %u %u\n", event->stream_id, event->count);
  else if (event->type == CHAN_SPDY_EVENT_PING_REPLY)
    g_string_append_printf (trace, "PING_REPLY %u\n", event->ping_id);
  else if (event->type == CHAN_SPDY_EVENT_GOAWAY)
    g_string_append_printf (trace, "GOAWAY %u %u\n", event->last_good, event->status);
  else if (event->type == CHAN_SPDY_EVENT_FAILED)
    g_string_append_printf (trace, "FAILED %s\n", event->text);
  else
    g_assert_not_reached ();
}

void
spdy_peer_poll (SpdyPeer *self)
{
  ChanSpdyEvent event;

  while (chan_spdy_conn_next_event (self->conn, &event))
    add_event (self, &event);
}

void
spdy_peer_feed (SpdyPeer *self, const guint8 *data, gsize len, gsize step)
{
  while (len > 0)
    {
      gsize part = step > 0 ? MIN (step, len) : len;
      g_autofree guint8 *piece = g_memdup2 (data, part);

      chan_spdy_conn_feed (self->conn, piece, part);
      spdy_peer_poll (self);
      data += part;
      len -= part;
    }
}

void
spdy_peer_feed_array (SpdyPeer *self, GByteArray *frames)
{
  spdy_peer_feed (self, frames->data, frames->len, 0);
}

char *
spdy_peer_trace (SpdyPeer *self)
{
  char *text;

  flush_data (self);
  text = g_strdup (self->trace->str);
  g_string_truncate (self->trace, 0);
  return text;
}

/* --- output ------------------------------------------------------------- */

GByteArray *
spdy_peer_output (SpdyPeer *self)
{
  GByteArray *bytes = g_byte_array_new ();
  ChanSpdySegment segments[3];
  gsize announced = chan_spdy_conn_output_bytes (self->conn);
  gsize n;

  while ((n = chan_spdy_conn_peek_output (self->conn, segments, G_N_ELEMENTS (segments))) > 0)
    {
      gsize before = bytes->len;

      for (gsize i = 0; i < n; i++)
        g_byte_array_append (bytes, segments[i].data, (guint) segments[i].len);
      chan_spdy_conn_consume_output (self->conn, bytes->len - before);
    }
  g_assert_cmpuint (bytes->len, >=, announced);
  g_assert_cmpuint (chan_spdy_conn_output_bytes (self->conn), ==, 0);
  return bytes;
}

static const char *
control_name (guint type)
{
  static const char *const names[] = { "0", "SYN_STREAM", "SYN_REPLY", "RST", "SETTINGS", "5", "PING", "GOAWAY",
                                       "HEADERS", "WINDOW" };

  if (type == 0x4c01)
    return "TAKEN";
  if (type == 0x4c02)
    return "ABORT";
  return type < G_N_ELEMENTS (names) ? names[type] : "?";
}

static guint32
number_at (const guint8 *at)
{
  return (guint32) at[0] << 24 | (guint32) at[1] << 16 | (guint32) at[2] << 8 | at[3];
}

static void
describe (GString *text, const guint8 *frame, guint32 len)
{
  guint type = frame[2] << 8 | frame[3];

  if (text->len > 0)
    g_string_append (text, "; ");
  if (!(frame[0] & 0x80) && len == 0 && frame[4] == 1)
    g_string_append_printf (text, "FIN %u", number_at (frame));
  else if (!(frame[0] & 0x80))
    g_string_append_printf (text, "DATA %u %u", number_at (frame), len);
  else if (type == 2) /* stored: the status is there to read, before the marker of the flush */
    g_string_append_printf (text, "SYN_REPLY %u %.3s", number_at (frame + 8), (const char *) frame + 8 + len - 8);
  else if (type == 1 || type == 6)
    g_string_append_printf (text, "%s %u", control_name (type), number_at (frame + 8));
  else
    g_string_append_printf (text, "%s %u %u", control_name (type), number_at (frame + 8), number_at (frame + 12));
}

char *
spdy_peer_frames (SpdyPeer *self)
{
  g_autoptr (GByteArray) bytes = spdy_peer_output (self);
  GString *text = g_string_new (NULL);
  guint at = 0;

  while (at < bytes->len)
    {
      guint32 len = number_at (bytes->data + at + 4) & 0xffffff;

      g_assert_cmpuint (at + 8 + len, <=, bytes->len);
      describe (text, bytes->data + at, len);
      at += 8 + len;
    }
  return g_string_free (text, FALSE);
}

/* --- sending ------------------------------------------------------------ */

guint32
spdy_peer_open (SpdyPeer *self)
{
  ChanSpdyOpen open = { .capacity = -1 };
  guint32 id;
  guint64 ref;

  g_assert_true (chan_spdy_conn_open (self->conn, &open, NULL, &id, &ref));
  return id;
}

void
spdy_peer_send (SpdyPeer *self, guint32 stream_id, const char *text)
{
  ChanSpdySegment segment = { (const guint8 *) text, strlen (text), NULL };

  chan_spdy_conn_send_data (self->conn, stream_id, &segment, 1);
}

void
spdy_peer_send_bytes (SpdyPeer *self, guint32 stream_id, gsize offset, gsize len, gboolean owned)
{
  guint8 *data = g_malloc (MAX (len, 1));
  g_autoptr (GBytes) bytes = g_bytes_new_take (data, len);
  ChanSpdySegment segment = { data, len, owned ? bytes : NULL };

  for (gsize i = 0; i < len; i++)
    data[i] = (guint8) ((offset + i) * 31 >> 3);
  chan_spdy_conn_send_data (self->conn, stream_id, &segment, 1);
}

/* --- scripts ------------------------------------------------------------ */

void
spdy_script_init (SpdyScript *self)
{
  *self = (SpdyScript) { .bytes = g_byte_array_new () };
}

void
spdy_script_clear (SpdyScript *self)
{
  g_byte_array_unref (self->bytes);
}

void
spdy_script_run (SpdyScript *self, SpdyPeer *peer)
{
  spdy_peer_feed_array (peer, self->bytes);
  g_byte_array_set_size (self->bytes, 0);
}

static void
put_number (GByteArray *bytes, guint32 number)
{
  guint8 data[4];

  chan_spdy_put_u32 (data, number);
  g_byte_array_append (bytes, data, 4);
}

void
spdy_script_control (SpdyScript *self, guint16 type, guint8 flags, const guint8 *payload, gsize len)
{
  put_number (self->bytes, 0x80030000u | type);
  put_number (self->bytes, (guint32) flags << 24 | (guint32) len);
  g_byte_array_append (self->bytes, payload, (guint) len);
}

void
spdy_script_pair (SpdyScript *self, guint16 type, guint32 first, guint32 second)
{
  put_number (self->bytes, 0x80030000u | type);
  put_number (self->bytes, 8);
  put_number (self->bytes, first);
  put_number (self->bytes, second);
}

void
spdy_script_ping (SpdyScript *self, guint32 id)
{
  put_number (self->bytes, 0x80030006u);
  put_number (self->bytes, 4);
  put_number (self->bytes, id);
}

void
spdy_script_data (SpdyScript *self, guint32 stream_id, guint8 flags, gsize len)
{
  g_autofree guint8 *data = g_malloc0 (MAX (len, 1));

  put_number (self->bytes, stream_id);
  put_number (self->bytes, (guint32) flags << 24 | (guint32) len);
  g_byte_array_append (self->bytes, data, (guint) len);
}

static GByteArray *
make_block (SpdyScript *self, const char *text)
{
  g_auto (GStrv) pairs = g_strsplit (text, ";", -1);
  ChanSpdyHeader headers[100];
  gsize n = 0;
  GByteArray *block = g_byte_array_new ();

  for (; pairs[n] != NULL; n++)
    {
      char *equals = strchr (pairs[n], '=');

      *equals = '\0';
      headers[n] = (ChanSpdyHeader) { pairs[n], equals + 1 };
    }
  g_byte_array_set_size (block, (guint) chan_spdy_headers_out_size (&self->headers, headers, n));
  chan_spdy_headers_out_write (&self->headers, block->data, headers, n);
  return block;
}

static void
put_block_frame (SpdyScript *self, guint16 type, guint8 flags, guint32 stream_id, gsize pad, const char *headers)
{
  g_autoptr (GByteArray) block = make_block (self, headers);
  static const guint8 zeros[8];

  put_number (self->bytes, 0x80030000u | type);
  put_number (self->bytes, (guint32) flags << 24 | (guint32) (4 + pad + block->len));
  put_number (self->bytes, stream_id);
  g_byte_array_append (self->bytes, zeros, (guint) pad);
  g_byte_array_append (self->bytes, block->data, block->len);
}

void
spdy_script_syn (SpdyScript *self, guint32 stream_id, guint8 flags, const char *headers)
{
  put_block_frame (self, 1, flags, stream_id, 6, headers);
}

void
spdy_script_reply (SpdyScript *self, guint32 stream_id, guint8 flags, const char *headers)
{
  put_block_frame (self, 2, flags, stream_id, 0, headers);
}

void
spdy_script_headers (SpdyScript *self, guint32 stream_id, const char *headers)
{
  put_block_frame (self, 8, 0, stream_id, 0, headers);
}

void
spdy_script_settings (SpdyScript *self, guint n, ...)
{
  va_list numbers;

  put_number (self->bytes, 0x80030004u);
  put_number (self->bytes, 4 + 4 * n);
  put_number (self->bytes, n / 2);
  va_start (numbers, n);
  for (guint i = 0; i < n; i++)
    put_number (self->bytes, va_arg (numbers, guint32));
  va_end (numbers);
}

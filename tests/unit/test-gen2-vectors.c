/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions recorded with Go libchan (tests/vectors), read as the side that received them: frame by frame, with the
 * messages in them, as tests/vectors/events says. Then both sides of each are played again by two connections of
 * ours, and what one writes the other reads as the same events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec-fixture.h"

#define GEN2 CHAN_SPDY_DIALECT_GEN2
#define MAX_ID 12
#define N_SESSIONS 13

/* Who received: what the other side sent, in lines. */
typedef struct
{
  ChanSpdyRole role;
  ChanSpdyConn *conn;
  GString *trace;
  GString *messages;       /* that ended in the frame which is being read: they follow it */
  GByteArray *frame;       /* payload of that frame */
  ChanDecoder decoders[MAX_ID];
  gboolean is_bytes[MAX_ID];
  GByteArray *bytes[MAX_ID]; /* of byte streams */
} Reader;

static void
reader_init (Reader *self, ChanSpdyRole role, char **script)
{
  g_auto (GStrv) ids = NULL;

  *self = (Reader){ .role = role, .conn = chan_spdy_conn_new (role, &chan_limits_default) };
  chan_spdy_conn_set_dialect (self->conn, GEN2);
  self->trace = g_string_new (NULL);
  self->messages = g_string_new (NULL);
  self->frame = g_byte_array_new ();
  for (guint i = 0; i < MAX_ID; i++)
    self->bytes[i] = g_byte_array_new ();
  g_assert_true (g_str_has_prefix (script[0], "# byte streams:"));
  ids = g_strsplit (script[0] + strlen ("# byte streams:"), " ", -1);
  for (char **id = ids; *id != NULL; id++)
    if (**id != '\0')
      self->is_bytes[atoi (*id)] = TRUE;
}

static void
reader_clear (Reader *self)
{
  for (guint i = 0; i < MAX_ID; i++)
    {
      g_assert_cmpuint (chan_decoder_held (&self->decoders[i]), ==, 0);
      g_byte_array_unref (self->bytes[i]);
    }
  g_assert_cmpuint (self->frame->len, ==, 0);
  chan_spdy_conn_free (self->conn);
  g_string_free (self->trace, TRUE);
  g_string_free (self->messages, TRUE);
  g_byte_array_unref (self->frame);
}

static void
add_sum (GString *trace, const char *what, guint32 id, const GByteArray *bytes)
{
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, bytes->data, bytes->len);

  g_string_append_printf (trace, "%s %u %u %.16s\n", what, id, bytes->len, sum);
}

static void
add_message (Reader *self, guint32 id, ChanDecoded *decoded)
{
  g_autofree char *text = g_variant_print (chan_body_get_variant (decoded->body), FALSE);

  g_string_append_printf (self->messages, "MESSAGE %u %s", id, text);
  for (gsize i = 0; i < decoded->n_handles; i++)
    {
      guint32 stream;

      g_assert_cmpint (chan_spdy_conn_claim (self->conn, decoded->handles[i].ref, &stream), ==, CHAN_SPDY_CLAIM_OK);
      g_string_append_printf (self->messages, " %d:%" G_GUINT64_FORMAT "@%u", (int) decoded->handles[i].kind,
                              decoded->handles[i].ref, stream);
    }
  g_string_append_c (self->messages, '\n');
}

static void
take_message_bytes (Reader *self, guint32 id, const guint8 *data, gsize len)
{
  while (len > 0)
    {
      g_autoptr (GError) error = NULL;
      ChanDecoded decoded;
      gsize consumed;
      ChanDecodeResult result = chan_decoder_feed (&self->decoders[id], GEN2, &chan_limits_default, data, len, &consumed,
                                                   &decoded, &error);

      g_assert_no_error (error);
      data += consumed;
      len -= consumed;
      if (result != CHAN_DECODE_MESSAGE)
        continue;
      add_message (self, id, &decoded);
      codec_decoded_clear (&decoded);
    }
}

static void
take_data (Reader *self, const ChanSpdyEvent *event)
{
  guint32 id = event->stream_id;

  g_byte_array_append (self->frame, event->data, (guint) event->len);
  if (self->is_bytes[id])
    g_byte_array_append (self->bytes[id], event->data, (guint) event->len);
  else
    take_message_bytes (self, id, event->data, event->len);
  if (chan_spdy_conn_in_frame (self->conn))
    return;
  add_sum (self->trace, "DATA", id, self->frame);
  g_string_append (self->trace, self->messages->str);
  g_byte_array_set_size (self->frame, 0);
  g_string_truncate (self->messages, 0);
}

static void
take_event (Reader *self, const ChanSpdyEvent *event)
{
  guint32 id = event->stream_id;

  g_assert_cmpuint (id, <, MAX_ID);
  if (event->type == CHAN_SPDY_EVENT_DATA)
    {
      take_data (self, event);
      return;
    }
  g_assert_cmpuint (self->frame->len, ==, 0);
  if (event->type == CHAN_SPDY_EVENT_FIN && self->bytes[id]->len > 0)
    add_sum (self->trace, "BYTES", id, self->bytes[id]);
  if (event->type == CHAN_SPDY_EVENT_OPEN)
    {
      g_string_append_printf (self->trace, "OPEN %u ref=%" G_GUINT64_FORMAT, id, event->open.ref);
      if (event->open.has_parent)
        g_string_append_printf (self->trace, " parent=%" G_GUINT64_FORMAT, event->open.parent_ref);
      g_string_append_c (self->trace, '\n');
    }
  else if (event->type == CHAN_SPDY_EVENT_REPLY)
    g_string_append_printf (self->trace, "REPLY %u %u\n", id, event->status);
  else if (event->type == CHAN_SPDY_EVENT_FIN)
    g_string_append_printf (self->trace, "FIN %u\n", id);
  else if (event->type == CHAN_SPDY_EVENT_GOAWAY)
    g_string_append_printf (self->trace, "GOAWAY %u %u\n", event->last_good, event->status);
  else
    g_error ("event %d of stream %u: %s", (int) event->type, id, event->text);
}

/* Each piece in memory of its own, so that a read beyond it is seen. */
static void
reader_feed (Reader *self, const guint8 *wire, gsize len, gsize step)
{
  for (gsize at = 0; at < len; at += step)
    {
      gsize part = MIN (step, len - at);
      g_autofree guint8 *piece = g_memdup2 (wire + at, part);
      ChanSpdyEvent event;

      chan_spdy_conn_feed (self->conn, piece, part);
      while (chan_spdy_conn_next_event (self->conn, &event))
        take_event (self, &event);
    }
}

/* "C OPEN 5 ref=4 parent=2", on the side that sends it */
static void
open_stream (ChanSpdyConn *conn, const char *line)
{
  ChanSpdyOpen open = { .capacity = -1 };
  unsigned expected_id, expected_ref, parent = 0;
  guint32 id;
  guint64 ref;

  g_assert_cmpint (sscanf (line + 2, "OPEN %u ref=%u parent=%u", &expected_id, &expected_ref, &parent), >=, 2);
  open.has_parent = parent != 0;
  open.parent_ref = parent;
  g_assert_true (chan_spdy_conn_open (conn, &open, NULL, &id, &ref));
  g_assert_cmpuint (id, ==, expected_id);
  g_assert_cmpuint (ref, ==, expected_ref);
}

/* --- what was recorded ------------------------------------------------------------------------------- */

static char
letter_of_peer (ChanSpdyRole role)
{
  return role == CHAN_SPDY_SERVER ? 'C' : 'S';
}

static char *
lines_of (char **script, char who)
{
  GString *lines = g_string_new (NULL);

  for (char **line = script + 1; *line != NULL; line++)
    if (**line == who)
      g_string_append_printf (lines, "%s\n", *line + 2);
  return g_string_free (lines, FALSE);
}

/* What we had opened in this session is answered and used in it. */
static void
check_recorded (ChanSpdyRole role, char **script, const char *wire, gsize len, gsize step, GByteArray **ret_bytes)
{
  g_autofree char *expected = lines_of (script, letter_of_peer (role));
  Reader reader;

  reader_init (&reader, role, script);
  for (char **line = script + 1; *line != NULL; line++)
    if (**line != '\0' && **line != letter_of_peer (role) && g_str_has_prefix (*line + 2, "OPEN"))
      open_stream (reader.conn, *line);
  reader_feed (&reader, (const guint8 *) wire, len, step);
  g_assert_false (chan_spdy_conn_in_frame (reader.conn));
  g_assert_cmpstr (reader.trace->str, ==, expected);
  for (guint i = 0; i < MAX_ID && ret_bytes != NULL; i++)
    ret_bytes[i] = g_byte_array_ref (reader.bytes[i]);
  reader_clear (&reader);
}

/* --- the same, written by us -------------------------------------------------------------------------- */

typedef struct
{
  Reader readers[2];           /* by role */
  GByteArray *bytes[2][MAX_ID]; /* recorded, by who received them */
  guint sent[2][MAX_ID];
  gsize step;
} Replay;

static void
pump (Replay *self, ChanSpdyRole from)
{
  ChanSpdyConn *conn = self->readers[from].conn;
  g_autoptr (GByteArray) wire = g_byte_array_new ();
  ChanSpdySegment segments[3];
  gsize n;

  while ((n = chan_spdy_conn_peek_output (conn, segments, G_N_ELEMENTS (segments))) > 0)
    {
      gsize before = wire->len;

      for (gsize i = 0; i < n; i++)
        g_byte_array_append (wire, segments[i].data, (guint) segments[i].len);
      chan_spdy_conn_consume_output (conn, wire->len - before);
    }
  reader_feed (&self->readers[1 - from], wire->data, wire->len, self->step);
}

static void
send_bytes (ChanSpdyConn *conn, guint32 id, const guint8 *data, gsize len)
{
  ChanSpdySegment segment = { data, len, NULL };

  chan_spdy_conn_send_data (conn, id, &segment, 1);
}

/* "{'Ret': <handle 0>} 4:3@3": a value, and the handles that it names */
static void
send_message (ChanSpdyConn *conn, guint32 id, const char *line)
{
  g_autofree char *text = g_strdup (line);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GBytes) wire = NULL;
  ChanWireHandle handles[8];
  gsize n = 0;
  unsigned kind, ref, stream;
  char *space;

  while ((space = strrchr (text, ' ')) != NULL && sscanf (space, " %u:%u@%u", &kind, &ref, &stream) == 3)
    {
      g_assert_cmpuint (n, <, G_N_ELEMENTS (handles));
      memmove (handles + 1, handles, n * sizeof *handles);
      handles[0] = (ChanWireHandle){ (ChanWireKind) kind, ref };
      n++;
      *space = '\0';
    }
  value = codec_parse (NULL, text);
  wire = codec_encode (GEN2, value, handles, n);
  send_bytes (conn, id, g_bytes_get_data (wire, NULL), g_bytes_get_size (wire));
}

static void
play (Replay *self, const char *line)
{
  ChanSpdyRole from = *line == 'C' ? CHAN_SPDY_CLIENT : CHAN_SPDY_SERVER;
  ChanSpdyConn *conn = self->readers[from].conn;
  const char *what = line + 2;
  const char *after = strchr (what, ' ') + 1;
  guint32 id = (guint32) strtoul (after, NULL, 10);

  if (g_str_has_prefix (what, "OPEN "))
    open_stream (conn, line);
  else if (g_str_has_prefix (what, "MESSAGE "))
    send_message (conn, id, strchr (after, ' ') + 1);
  else if (g_str_has_prefix (what, "FIN "))
    chan_spdy_conn_finish (conn, id);
  else if (g_str_has_prefix (what, "GOAWAY "))
    chan_spdy_conn_goaway (conn, (guint32) strtoul (strchr (after, ' '), NULL, 10));
  else if (g_str_has_prefix (what, "DATA ") && self->readers[from].is_bytes[id])
    {
      guint len = (guint) strtoul (strchr (after, ' '), NULL, 10);
      GByteArray *bytes = self->bytes[1 - from][id];

      g_assert_cmpuint (self->sent[from][id] + len, <=, bytes->len);
      send_bytes (conn, id, bytes->data + self->sent[from][id], len);
      self->sent[from][id] += len;
    }
  pump (self, from);
  pump (self, 1 - from);
}

/* Where frames end and when an answer comes is each side's own affair. */
static char *
essence (const char *trace)
{
  g_auto (GStrv) lines = g_strsplit (trace, "\n", -1);
  GString *out = g_string_new (NULL);

  for (char **line = lines; *line != NULL; line++)
    if (**line != '\0' && !g_str_has_prefix (*line, "REPLY ") && !g_str_has_prefix (*line, "DATA "))
      g_string_append_printf (out, "%s\n", *line);
  return g_string_free (out, FALSE);
}

/* Each stream that `who` opened is answered once, also where the recorded peer had gone before it could. */
static void
assert_answered (const char *trace, char **script, char who)
{
  guint n_opened = 0, n_answers = 0;

  for (char **line = script + 1; *line != NULL; line++)
    if (**line == who && g_str_has_prefix (*line + 2, "OPEN "))
      {
        g_autofree char *answer = g_strdup_printf ("REPLY %lu 200\n", strtoul (*line + strlen ("C OPEN "), NULL, 10));

        g_assert_nonnull (strstr (trace, answer));
        n_opened++;
      }
  for (const char *at = trace; (at = strstr (at, "REPLY ")) != NULL; at++)
    n_answers++;
  g_assert_cmpuint (n_answers, ==, n_opened);
}

static void
check_replayed (Replay *self, char **script, gsize step)
{
  self->step = step;
  memset (self->sent, 0, sizeof self->sent);
  for (guint role = 0; role < 2; role++)
    reader_init (&self->readers[role], (ChanSpdyRole) role, script);
  for (char **line = script + 1; *line != NULL; line++)
    if (**line != '\0')
      play (self, *line);
  for (guint role = 0; role < 2; role++)
    {
      g_autofree char *recorded = lines_of (script, letter_of_peer ((ChanSpdyRole) role));
      g_autofree char *expected = essence (recorded);
      g_autofree char *got = essence (self->readers[role].trace->str);

      g_assert_cmpstr (got, ==, expected);
      assert_answered (self->readers[role].trace->str, script, role == CHAN_SPDY_CLIENT ? 'C' : 'S');
      reader_clear (&self->readers[role]);
    }
}

/* --- one session ---------------------------------------------------------------------------------------- */

static void
test_session (gconstpointer data)
{
  const char *path = data;
  g_autofree char *text = NULL;
  g_autofree char *base = g_path_get_basename (path);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) script = NULL;
  Replay replay = { 0 };

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  script = g_strsplit (text, "\n", -1);
  base[strlen (base) - strlen (".txt")] = '\0';
  g_strdelimit (base, "-", '_');
  for (guint role = 0; role < 2; role++)
    {
      static const gsize steps[] = { G_MAXSIZE / 2, 1, 7, 13, 4099 };
      g_autofree char *file = g_strconcat (base, role == CHAN_SPDY_SERVER ? ".c2s.bin" : ".s2c.bin", NULL);
      g_autofree char *bin = g_test_build_filename (G_TEST_DIST, "vectors", file, NULL);
      g_autofree char *wire = NULL;
      gsize len;

      g_file_get_contents (bin, &wire, &len, &error);
      g_assert_no_error (error);
      for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
        check_recorded ((ChanSpdyRole) role, script, wire, len, steps[i], i == 0 ? replay.bytes[role] : NULL);
    }
  check_replayed (&replay, script, G_MAXSIZE / 2);
  check_replayed (&replay, script, 1);
  check_replayed (&replay, script, 13);
  for (guint i = 0; i < 2 * MAX_ID; i++)
    g_byte_array_unref (replay.bytes[i / MAX_ID][i % MAX_ID]);
}

int
main (int argc, char *argv[])
{
  g_autofree char *folder = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;
  guint n = 0;

  g_test_init (&argc, &argv, NULL);
  folder = g_test_build_filename (G_TEST_DIST, "vectors", "events", NULL);
  dir = g_dir_open (folder, 0, &error);
  g_assert_no_error (error);
  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".txt"))
      {
        g_autofree char *test = g_strdup_printf ("/gen2-vectors/%.*s", (int) strlen (name) - 4, name);

        g_test_add_data_func_full (test, g_build_filename (folder, name, NULL), test_session, g_free);
        n++;
      }
  g_assert_cmpuint (n, ==, N_SESSIONS);
  return g_test_run ();
}

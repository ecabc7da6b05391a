/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every cell of the stream's table, written down a second time as text. */
#include "libchan-glib/wire/chan-spdy-stream.h"

#include "libchan-glib/wire/chan-import-table.h"

static const char *const names[CHAN_SPDY_STREAM_N_STATES] = {
  "opening", "opening-done", "open", "half-local", "half-remote", "finished", "reset-sent", "reset-received",
};

static const char *const verdicts[] = { "ok", "ignore", "glitch", "early", "closed" };

/* state: reply, data, fin, reset of the peer; data, fin, reset of ours */
static const char *const cells[CHAN_SPDY_STREAM_N_STATES][CHAN_SPDY_STREAM_N_INPUTS] = {
  { "open ok", "reset-sent early", "reset-sent early", "reset-received ok",
    "opening ok", "opening-done ok", "reset-sent ok" },
  { "half-local ok", "reset-sent early", "reset-sent early", "reset-received ok",
    "opening-done ignore", "opening-done ignore", "reset-sent ok" },
  { "open glitch", "open ok", "half-remote ok", "reset-received ok",
    "open ok", "half-local ok", "reset-sent ok" },
  { "half-local glitch", "half-local ok", "finished ok", "reset-received ok",
    "half-local ignore", "half-local ignore", "reset-sent ok" },
  { "half-remote glitch", "reset-sent closed", "reset-sent closed", "reset-received ok",
    "half-remote ok", "finished ok", "reset-sent ok" },
  { "finished glitch", "reset-sent closed", "reset-sent closed", "finished ignore",
    "finished ignore", "finished ignore", "finished ignore" },
  { "reset-sent ignore", "reset-sent ignore", "reset-sent ignore", "reset-sent ignore",
    "reset-sent ignore", "reset-sent ignore", "reset-sent ignore" },
  { "reset-received glitch", "reset-received glitch", "reset-received glitch", "reset-received glitch",
    "reset-received ignore", "reset-received ignore", "reset-received ignore" },
};

static void
test_cells (void)
{
  for (guint state = 0; state < CHAN_SPDY_STREAM_N_STATES; state++)
    {
      for (guint input = 0; input < CHAN_SPDY_STREAM_N_INPUTS; input++)
        {
          ChanSpdyStream *stream = chan_spdy_stream_new (1, state);
          ChanSpdyVerdict verdict = chan_spdy_stream_handle (stream, input);
          g_autofree char *cell = g_strdup_printf ("%s %s", names[stream->state], verdicts[verdict]);

          g_assert_cmpstr (cell, ==, cells[state][input]);
          chan_spdy_stream_free (stream);
        }
    }
}

static void
test_predicates (void)
{
  static const char *const expected[CHAN_SPDY_STREAM_N_STATES] = {
    "s", "", "sr", "r", "s", "o", "o", "o",
  };

  for (guint state = 0; state < CHAN_SPDY_STREAM_N_STATES; state++)
    {
      ChanSpdyStream *stream = chan_spdy_stream_new (1, state);
      g_autofree char *text = g_strconcat (chan_spdy_stream_may_send (stream) ? "s" : "",
                                           chan_spdy_stream_may_receive (stream) ? "r" : "",
                                           chan_spdy_stream_is_over (stream) ? "o" : "", NULL);

      g_assert_cmpstr (text, ==, expected[state]);
      chan_spdy_stream_free (stream);
    }
}

/* No peer can bring an ended stream back, or say anything twice. */
static void
test_over_stays_over (void)
{
  for (guint state = CHAN_SPDY_STREAM_FINISHED; state < CHAN_SPDY_STREAM_N_STATES; state++)
    {
      for (guint input = 0; input < CHAN_SPDY_STREAM_N_INPUTS; input++)
        {
          ChanSpdyStream *stream = chan_spdy_stream_new (1, state);

          g_assert_cmpint (chan_spdy_stream_handle (stream, input), !=, CHAN_SPDY_VERDICT_OK);
          g_assert_true (chan_spdy_stream_is_over (stream));
          chan_spdy_stream_free (stream);
        }
    }
}

static void
test_imports (void)
{
  ChanImportTable table;
  ChanSpdyStream *streams[3];

  chan_import_table_init (&table);
  for (guint i = 0; i < 3; i++)
    {
      streams[i] = chan_spdy_stream_new (2 * i + 1, CHAN_SPDY_STREAM_OPEN);
      streams[i]->ref = i < 2 ? G_MAXUINT64 - i : G_MAXUINT64;
    }
  streams[1]->claimed = TRUE;
  g_assert_true (chan_import_table_add (&table, streams[0]));
  g_assert_true (chan_import_table_add (&table, streams[1]));
  g_assert_false (chan_import_table_add (&table, streams[2]));
  g_assert_cmpuint (table.n_unclaimed, ==, 1);
  g_assert_true (chan_import_table_lookup (&table, G_MAXUINT64) == streams[0]);
  g_assert_true (chan_import_table_claim (&table, streams[0]));
  g_assert_false (chan_import_table_claim (&table, streams[0]));
  g_assert_cmpuint (table.n_unclaimed, ==, 0);
  /* The one that was refused is not the one that is there. */
  chan_import_table_remove (&table, streams[2]);
  g_assert_true (chan_import_table_lookup (&table, G_MAXUINT64) == streams[0]);
  chan_import_table_remove (&table, streams[0]);
  g_assert_null (chan_import_table_lookup (&table, G_MAXUINT64));
  chan_import_table_clear (&table);
  for (guint i = 0; i < 3; i++)
    chan_spdy_stream_free (streams[i]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spdy-stream/every-cell", test_cells);
  g_test_add_func ("/spdy-stream/who-may-do-what", test_predicates);
  g_test_add_func ("/spdy-stream/over-stays-over", test_over_stays_over);
  g_test_add_func ("/import-table/refs-are-claimed-once", test_imports);
  return g_test_run ();
}

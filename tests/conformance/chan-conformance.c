/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"

#include <glib-unix.h>

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "chan-conformance-bytes.h"
#include "chan-conformance-pair.h"
#include "chan-conformance-util.h"

#define DEFAULT_CAPACITY 64
/* A sanitizer makes everything slower, and a hundred thousand calls over a bus most. */
#if defined(__SANITIZE_THREAD__)
#define WATCHDOG_SEC 900
#elif defined(__SANITIZE_ADDRESS__)
#define WATCHDOG_SEC 240
#else
#define WATCHDOG_SEC 120
#endif

typedef struct
{
  const ChanConformanceTransport *transport;
  const ChanConformanceTest *test;
  ChanConformanceShape shape;
  char *path;
} Case;

/* --- the watchdog ----------------------------------------------------------------- */

static const char *running = "no test";

static void
say (const char *text)
{
  if (write (STDOUT_FILENO, text, strlen (text)) < 0)
    _exit (70);
}

static void
alarm_cb (int number)
{
  say ("\nBail out! ");
  say (running);
  say (" hangs: it has not ended within " G_STRINGIFY (WATCHDOG_SEC) " s\n");
  abort ();
}

/* --- what must be gone ------------------------------------------------------------ */

static guint
count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
list_fds (void)
{
  for (int fd = 0; fd < 1024; fd++)
    {
      g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
      g_autofree char *target = g_file_read_link (path, NULL);

      if (target != NULL)
        g_test_message ("%d: %s", fd, target);
    }
}

/* Waits until as few are open as before. Other threads may open one for a moment, and then be counted once. */
static void
assert_no_more_fds (guint n_before)
{
  gint64 deadline = chan_test_deadline ();
  guint n;

  while ((n = count_fds ()) > n_before && g_get_monotonic_time () < deadline)
    g_usleep (2000);
  if (n > n_before)
    list_fds ();
  g_assert_cmpuint (n, <=, n_before);
}

static void
watch_free (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

void
chan_conformance_watch (ChanConformanceFixture *f, gpointer object)
{
  GWeakRef *watch = g_new0 (GWeakRef, 1);

  g_weak_ref_init (watch, object);
  g_ptr_array_add (f->watched, watch);
}

/* The library's own counts: of all that it makes, and not only of what a test watches. */
static const ChanLiveCount *
live_counts (void)
{
#ifdef CHAN_COUNT_LIVE
  const ChanLiveCount *counts = g_type_get_qdata (CHAN_TYPE_SENDER, g_quark_from_static_string (CHAN_LIVE_QUARK));

  g_assert_nonnull (counts);
  return counts;
#else
  return NULL;
#endif
}

static void
count_live (int counts[CHAN_LIVE_N])
{
  for (const ChanLiveCount *count = live_counts (); count != NULL && count->name != NULL; count++)
    *counts++ = g_atomic_int_get (&count->n);
}

/* What there is more of than before, or NULL */
static const char *
find_more (ChanConformanceFixture *f)
{
  int now[CHAN_LIVE_N] = { 0 };

  if ((f->transport->flags & CHAN_CONFORMANCE_COLLECTED) != 0)
    return NULL;
  count_live (now);
  for (guint i = 0; i < CHAN_LIVE_N; i++)
    if (now[i] > f->n_live[i])
      return live_counts ()[i].name;
  return NULL;
}

/* The type of an object that lives on, or NULL */
static const char *
find_survivor (ChanConformanceFixture *f)
{
  for (guint i = 0; i < f->watched->len; i++)
    {
      g_autoptr (GObject) object = g_weak_ref_get (f->watched->pdata[i]);

      if (object != NULL)
        return G_OBJECT_TYPE_NAME (object);
    }
  return find_more (f);
}

/* Threads of the library may hold something for a moment. */
static void
assert_nothing_left (ChanConformanceFixture *f)
{
  gint64 deadline = chan_test_deadline ();

  while (find_survivor (f) != NULL && g_get_monotonic_time () < deadline)
    {
      while (g_main_context_iteration (f->context, FALSE))
        ;
      g_usleep (2000);
    }
  g_assert_cmpstr (find_survivor (f), ==, NULL);
}

/* --- sessions and channels --------------------------------------------------------- */

static void
make_sessions (ChanConformanceFixture *f, const char *parameters)
{
  if (f->a != NULL)
    return;
  g_assert_nonnull (f->transport->make_pair);
  f->transport->make_pair (parameters, &f->a, &f->b);
  g_assert_true (CHAN_IS_SESSION (f->a) && CHAN_IS_SESSION (f->b));
  chan_conformance_watch (f, f->a);
  chan_conformance_watch (f, f->b);
}

void
chan_conformance_sessions (ChanConformanceFixture *f)
{
  make_sessions (f, f->test->parameters);
}

void
chan_conformance_open (ChanSession *from, ChanSession *to, const char *name, ChanSender **tx, ChanReceiver **rx)
{
  g_autoptr (GError) error = NULL;

  *tx = chan_session_open_channel (from, name, &error);
  g_assert_no_error (error);
  *rx = chan_session_accept_channel_until (to, chan_test_deadline (), NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (*rx);
}

GObject *
chan_conformance_move (ChanSession *from, ChanSession *to, GObject *handle)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  GObject *moved = NULL;

  chan_conformance_open (from, to, NULL, &tx, &rx);
  moved = chan_test_carry (tx, rx, handle);
  chan_sender_close (tx);
  chan_test_assert_closed (rx);
  return moved;
}

/* The capacity of an opened channel is that of its session. */
static void
opened_channel (ChanConformanceFixture *f, guint capacity, ChanSender **tx, ChanReceiver **rx)
{
  g_autofree char *parameters = g_strdup_printf ("capacity=%u", capacity);

  if (capacity == DEFAULT_CAPACITY || (f->transport->flags & CHAN_CONFORMANCE_OPTIONS) == 0)
    chan_conformance_sessions (f);
  else
    make_sessions (f, parameters);
  chan_conformance_open (f->a, f->b, NULL, tx, rx);
}

static void
second_pair (ChanConformanceFixture *f)
{
  if (f->hop[0] != NULL)
    return;
  if (f->transport->make_second_pair != NULL)
    f->transport->make_second_pair (f->test->parameters, &f->hop[0], &f->hop[1]);
  else
    f->transport->make_pair (f->test->parameters, &f->hop[0], &f->hop[1]);
}

/* `end` moves as far as the shape says; takes the reference. */
static GObject *
carry_by_shape (ChanConformanceFixture *f, GObject *end)
{
  g_autoptr (GObject) local = end;
  g_autoptr (GObject) once = NULL;

  if (f->shape == CHAN_CONFORMANCE_PIPE)
    return g_steal_pointer (&local);
  chan_conformance_sessions (f);
  once = chan_conformance_move (f->a, f->b, local);
  if (f->shape != CHAN_CONFORMANCE_RELAYED && f->shape != CHAN_CONFORMANCE_SENDER_RELAYED)
    return g_steal_pointer (&once);
  second_pair (f);
  return chan_conformance_move (f->hop[0], f->hop[1], once);
}

void
chan_conformance_channel (ChanConformanceFixture *f, guint capacity, ChanSender **tx, ChanReceiver **rx)
{
  if (f->shape == CHAN_CONFORMANCE_OPENED || f->shape == CHAN_CONFORMANCE_SESSION)
    {
      opened_channel (f, capacity, tx, rx);
    }
  else
    {
      chan_pipe_new (capacity, tx, rx);
      if (f->shape == CHAN_CONFORMANCE_SENDER || f->shape == CHAN_CONFORMANCE_SENDER_RELAYED)
        *tx = CHAN_SENDER (carry_by_shape (f, G_OBJECT (*tx)));
      else
        *rx = CHAN_RECEIVER (carry_by_shape (f, G_OBJECT (*rx)));
    }
  chan_conformance_watch (f, *tx);
  chan_conformance_watch (f, *rx);
}

void
chan_conformance_bytes (ChanConformanceFixture *f, GIOStream **near, GIOStream **far)
{
  chan_byte_pipe_new (near, far);
  *far = G_IO_STREAM (carry_by_shape (f, G_OBJECT (*far)));
  chan_conformance_watch (f, *near);
  chan_conformance_watch (f, *far);
}

/* --- one test ---------------------------------------------------------------------- */

static void
end_session (ChanSession **session)
{
  if (*session != NULL)
    chan_session_abort (*session);
  g_clear_object (session);
}

static void
run_case (gconstpointer data)
{
  const Case *self = data;
  ChanConformanceFixture f = { self->transport, self->test, self->shape };

  running = self->path;
  alarm (WATCHDOG_SEC);
  f.n_fds = count_fds ();
  count_live (f.n_live);
  f.watched = g_ptr_array_new_with_free_func (watch_free);
  f.context = g_main_context_new ();
  g_main_context_push_thread_default (f.context);

  self->test->run (&f);

  end_session (&f.a);
  end_session (&f.b);
  end_session (&f.hop[0]);
  end_session (&f.hop[1]);
  assert_nothing_left (&f);
  g_main_context_pop_thread_default (f.context);
  g_main_context_unref (f.context);
  f.context = NULL;
  assert_no_more_fds (f.n_fds);
  g_ptr_array_unref (f.watched);
  alarm (0);
}

/* What stays open for good after the first session of a process (modules, caches,
 * the library's own thread) is not to be held against the first test. */
/* The library keeps a thread for streams of others. */
static void
warm_up_foreign (ChanSender *tx, ChanReceiver *rx)
{
  g_autoptr (GInputStream) input = g_memory_input_stream_new_from_data ("x", 1, NULL);
  g_autoptr (GObject) far = chan_test_carry (tx, rx, input);

  chan_test_read (chan_test_input (G_IO_STREAM (far)), "x");
  chan_test_assert_eof (chan_test_input (G_IO_STREAM (far)));
}

static void
warm_up (const ChanConformanceTransport *transport)
{
  ChanConformanceFixture f = { transport, NULL, CHAN_CONFORMANCE_OPENED };
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  running = "the first session";
  alarm (WATCHDOG_SEC);
  chan_pipe_new (1, &tx, &rx);
  /* GLib keeps a default main context and a thread, and a thread that blocks what it is woken by. */
  g_main_context_default ();
  g_source_unref (g_unix_signal_source_new (SIGHUP));
  g_assert_null (chan_receiver_receive_until (rx, g_get_monotonic_time () + 1000, NULL, NULL));
  chan_test_assert_nothing_comes (rx);
  warm_up_foreign (tx, rx);
  g_clear_object (&tx);
  g_clear_object (&rx);
  if (transport->make_pair != NULL)
    {
      transport->make_pair (NULL, &f.a, &f.b);
      chan_conformance_open (f.a, f.b, NULL, &tx, &rx);
      chan_test_send (tx, 0, 1);
      chan_test_take (rx, 0, 1);
      g_clear_object (&tx);
      g_clear_object (&rx);
      if (transport->make_second_pair != NULL)
        transport->make_second_pair (NULL, &f.hop[0], &f.hop[1]);
      else
        chan_conformance_connect_other (transport, &f.hop[0], &f.hop[1]);
      chan_conformance_open (f.hop[0], f.hop[1], NULL, &tx, &rx);
      chan_test_send (tx, 0, 1);
      chan_test_take (rx, 0, 1);
      g_clear_object (&tx);
      g_clear_object (&rx);
      end_session (&f.a);
      end_session (&f.b);
      end_session (&f.hop[0]);
      end_session (&f.hop[1]);
      g_usleep (200 * 1000);
    }
  alarm (0);
}

/* --- registration ------------------------------------------------------------------- */

static const struct
{
  ChanConformanceShape shape;
  const char *name;
} shape_names[] = {
  { CHAN_CONFORMANCE_PIPE, "pipe" },
  { CHAN_CONFORMANCE_OPENED, "opened" },
  { CHAN_CONFORMANCE_RECEIVER, "receiver-sent" },
  { CHAN_CONFORMANCE_SENDER, "sender-sent" },
  { CHAN_CONFORMANCE_RELAYED, "relayed" },
  { CHAN_CONFORMANCE_SESSION, "session" },
  { CHAN_CONFORMANCE_SENDER_RELAYED, "sender-relayed" },
  { CHAN_CONFORMANCE_THIRD_PARTY, "session" },
};

#define PAIR_SHAPES (CHAN_CONFORMANCE_RELAYED | CHAN_CONFORMANCE_SENDER_RELAYED | CHAN_CONFORMANCE_THIRD_PARTY)

static gboolean
is_possible (const ChanConformanceTransport *transport, const ChanConformanceTest *test, ChanConformanceShape shape)
{
  gboolean local = transport->make_pair == NULL;
  gboolean second = transport->make_second_pair != NULL;

  if (second ? (shape & PAIR_SHAPES) == 0 : shape == CHAN_CONFORMANCE_SENDER_RELAYED)
    return FALSE;
  if ((test->shapes & shape) == 0 || local != (shape == CHAN_CONFORMANCE_PIPE))
    return FALSE;
  if ((test->needs & CHAN_CONFORMANCE_NEEDS_CAPACITY) != 0
      && ((transport->flags & CHAN_CONFORMANCE_RENDEZVOUS) == 0
          || (shape == CHAN_CONFORMANCE_OPENED && (transport->flags & CHAN_CONFORMANCE_OPTIONS) == 0)))
    return FALSE;
  if ((test->needs & CHAN_CONFORMANCE_NEEDS_RECALL) != 0 && !local)
    return FALSE;
  if ((test->needs & CHAN_CONFORMANCE_NEEDS_REASONS) != 0 && (transport->flags & CHAN_CONFORMANCE_REASONS) == 0)
    return FALSE;
  if ((test->needs & CHAN_CONFORMANCE_NEEDS_OPTIONS) != 0 && (transport->flags & CHAN_CONFORMANCE_OPTIONS) == 0)
    return FALSE;
  if ((test->needs & CHAN_CONFORMANCE_NEEDS_WINDOWS) != 0 && (transport->flags & CHAN_CONFORMANCE_WINDOWS) == 0)
    return FALSE;
  return (test->needs & CHAN_CONFORMANCE_NEEDS_KILL) == 0 || transport->kill_link != NULL;
}

static void
case_free (gpointer data)
{
  Case *self = data;

  g_free (self->path);
  g_free (self);
}

static void
add_tests (const ChanConformanceTransport *transport, const ChanConformanceTest *tests)
{
  for (const ChanConformanceTest *test = tests; test->path != NULL; test++)
    for (guint i = 0; i < G_N_ELEMENTS (shape_names); i++)
      if (is_possible (transport, test, shape_names[i].shape))
        {
          Case *item = g_new0 (Case, 1);

          *item = (Case){ transport, test, shape_names[i].shape };
          item->path = g_strdup_printf ("/conformance/%s/%s", shape_names[i].name, test->path);
          g_test_add_data_func_full (item->path, item, run_case, case_free);
        }
}

static const ChanConformanceTest *const topics[] = {
  chan_conformance_order,         chan_conformance_capacity,        chan_conformance_end,
  chan_conformance_receiver_closes, chan_conformance_cancel,        chan_conformance_handles,
  chan_conformance_handles_queued, chan_conformance_bytes_ends,     chan_conformance_bytes_flow,
  chan_conformance_dispatch,      chan_conformance_threads,         chan_conformance_session,
  chan_conformance_session_end,   chan_conformance_select,          chan_conformance_select_handles,
  chan_conformance_select_threads, chan_conformance_select_session, chan_conformance_request,
  chan_conformance_request_bodies, chan_conformance_splice,         chan_conformance_splice_cancel,
  chan_conformance_splice_rendezvous,
  chan_conformance_values,        chan_conformance_third_party,     chan_conformance_foreign,
  chan_conformance_foreign_own,   chan_conformance_fds, chan_conformance_fd_credit,
  chan_conformance_wait,
};

/* What must hold over any two transports: bytes and messages with their ends, credit, and handles of all kinds */
static const ChanConformanceTest *const pair_topics[] = {
  chan_conformance_order,      chan_conformance_capacity,   chan_conformance_end,     chan_conformance_receiver_closes,
  chan_conformance_handles,    chan_conformance_handles_queued, chan_conformance_bytes_ends, chan_conformance_bytes_flow,
  chan_conformance_foreign,    chan_conformance_foreign_own, chan_conformance_fds, chan_conformance_fd_credit,
  chan_conformance_third_party,
};

int
chan_conformance_run (int argc, char **argv, const ChanConformanceTransport *transport)
{
  const ChanConformanceTest *const *list = transport->make_second_pair != NULL ? pair_topics : topics;
  gsize n = transport->make_second_pair != NULL ? G_N_ELEMENTS (pair_topics) : G_N_ELEMENTS (topics);

  g_test_init (&argc, &argv, NULL);
  signal (SIGALRM, alarm_cb);
  if (!g_test_subprocess ())
    warm_up (transport);
  for (gsize i = 0; i < n; i++)
    add_tests (transport, list[i]);
  return g_test_run ();
}

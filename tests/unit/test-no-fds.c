/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thread that waits for the first time when the process can open no more file descriptors. */
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <libchan-glib/libchan-glib.h>

#define TIMEOUT_US (20 * G_USEC_PER_SEC)
#define SHORT_US (100 * G_TIME_SPAN_MILLISECOND)

typedef struct
{
  ChanSender *tx;
  ChanReceiver *rx;
  ChanSelector *selector;
  gint waits; /* atomic */
} Fixture;

static struct rlimit old_limit;

static void
forbid_fds (void)
{
  int next = dup (0);
  struct rlimit limit;

  g_assert_cmpint (next, >=, 0);
  close (next);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &old_limit), ==, 0);
  limit = (struct rlimit){ (rlim_t) next, old_limit.rlim_max };
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_cmpint (dup (0), <, 0);
}

static void
allow_fds (void)
{
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &old_limit), ==, 0);
}

static gpointer
receive_thread (gpointer data)
{
  Fixture *f = data;
  g_autoptr (GError) error = NULL;
  ChanMessage *message;

  g_assert_null (chan_receiver_receive_until (f->rx, g_get_monotonic_time () + SHORT_US, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_atomic_int_set (&f->waits, TRUE);
  message = chan_receiver_receive_until (f->rx, g_get_monotonic_time () + TIMEOUT_US, NULL, &error);
  g_assert_no_error (error);
  return message;
}

static gpointer
select_thread (gpointer data)
{
  Fixture *f = data;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (chan_selector_wait_until (f->selector, g_get_monotonic_time () + SHORT_US, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_atomic_int_set (&f->waits, TRUE);
  g_assert_cmpint (chan_selector_wait_until (f->selector, g_get_monotonic_time () + TIMEOUT_US, NULL, &error), ==, 0);
  return chan_selector_steal_message (f->selector, &error);
}

static void
check_thread (GThreadFunc func)
{
  Fixture f = { 0 };
  g_autoptr (ChanMessage) message = chan_message_new (g_variant_new_int32 (7));
  g_autoptr (ChanMessage) received = NULL;
  g_autoptr (GError) error = NULL;
  GThread *thread;

  chan_pipe_new (1, &f.tx, &f.rx);
  f.selector = chan_selector_new ();
  chan_selector_add_receiver (f.selector, f.rx);
  forbid_fds ();
  thread = g_thread_new ("waits", func, &f);
  while (!g_atomic_int_get (&f.waits))
    g_usleep (1000);
  g_usleep (SHORT_US);
  g_assert_true (chan_sender_try_send (f.tx, message, &error));
  received = g_thread_join (thread);
  allow_fds ();
  g_assert_cmpint (g_variant_get_int32 (chan_message_get_body (received)), ==, 7);
  g_clear_pointer (&f.selector, chan_selector_unref);
  g_object_unref (f.tx);
  g_object_unref (f.rx);
}

static void
test_receive (void)
{
  check_thread (receive_thread);
}

static void
test_select (void)
{
  check_thread (select_thread);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* GLib opens one for it. */
  g_main_context_default ();
  g_test_add_func ("/no-fds/receive", test_receive);
  g_test_add_func ("/no-fds/select", test_select);
  return g_test_run ();
}

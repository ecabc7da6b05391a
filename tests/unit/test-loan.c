/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects that are told of something while their last reference is dropped in another thread. */
#include <libchan-glib/libchan-glib.h>

#define ROUNDS 400

typedef struct
{
  GObject *object; /* its reference is the thread's */
  gint runs, go;   /* atomic */
} Dropping;

static void
told_cb (GObject *object, gpointer data)
{
  /* It is whole. */
  if (CHAN_IS_SENDER (object))
    g_assert_true (chan_sender_get_peer_closed (CHAN_SENDER (object)));
  else
    g_assert_cmpint (chan_session_get_state (CHAN_SESSION (object)), >=, CHAN_SESSION_CLOSED);
  g_atomic_int_inc ((gint *) data);
}

static gpointer
drop_thread (gpointer data)
{
  Dropping *self = data;

  g_atomic_int_set (&self->runs, 1);
  while (!g_atomic_int_get (&self->go))
    continue;
  g_object_unref (self->object);
  return NULL;
}

static void
wait_gone (gpointer *object)
{
  gint64 deadline = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  while (g_atomic_pointer_get (object) != NULL && g_get_monotonic_time () < deadline)
    while (g_main_context_iteration (NULL, FALSE))
      continue;
  g_assert_null (*object);
}

/* Another thread drops the last reference of `object`, while this one ends it from the other side. Both set off at once, or
 * a little apart. */
static void
drop_and_end (gpointer object, const char *signal, gint *n_told, void (*end) (gpointer), gpointer other, guint apart)
{
  Dropping self = { .object = object };
  gpointer alive = object;
  GThread *thread;

  g_object_add_weak_pointer (object, &alive);
  g_signal_connect (object, signal, G_CALLBACK (told_cb), n_told);
  thread = g_thread_new ("drop", drop_thread, &self);
  while (!g_atomic_int_get (&self.runs))
    g_thread_yield ();
  g_atomic_int_set (&self.go, 1);
  for (guint k = 0; k < apart; k++)
    g_atomic_int_get (&self.go);
  end (other);
  g_thread_join (thread);
  wait_gone (&alive);
}

static void
test_sender (void)
{
  gint n_told = 0;

  for (guint i = 0; i < ROUNDS; i++)
    {
      ChanSender *tx;
      g_autoptr (ChanReceiver) rx = NULL;

      chan_pipe_new (4, &tx, &rx);
      drop_and_end (tx, "peer-closed", &n_told, (void (*) (gpointer)) chan_receiver_close, rx, i % 500);
    }
  g_test_message ("%d of %d were told", n_told, ROUNDS);
}

static void
test_session (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanListener) listener = chan_listen ("memory:loan", NULL, &error);
  gint n_told = 0;

  g_assert_no_error (error);
  for (guint i = 0; i < ROUNDS; i++)
    {
      g_autoptr (ChanSession) server = NULL;
      ChanSession *session = chan_connect ("memory:loan", NULL, &error);

      g_assert_no_error (error);
      server = chan_listener_accept_until (listener, g_get_monotonic_time () + 20 * G_USEC_PER_SEC, NULL, &error);
      g_assert_no_error (error);
      drop_and_end (session, "closed", &n_told, (void (*) (gpointer)) chan_session_abort, server, i % 500);
    }
  g_test_message ("%d of %d were told", n_told, ROUNDS);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/loan/sender-is-dropped-while-its-receiver-closes", test_sender);
  g_test_add_func ("/loan/session-is-dropped-while-its-peer-goes", test_session);
  return g_test_run ();
}

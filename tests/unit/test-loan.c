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

/* Both threads set off at once, or a little apart. */
static GThread *
start_dropping (Dropping *self, gpointer object, guint apart)
{
  GThread *thread;

  *self = (Dropping){ .object = object };
  thread = g_thread_new ("drop", drop_thread, self);
  while (!g_atomic_int_get (&self->runs))
    g_thread_yield ();
  g_atomic_int_set (&self->go, 1);
  for (guint k = 0; k < apart; k++)
    g_atomic_int_get (&self->go);
  return thread;
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

static void
test_sender (void)
{
  gint n_told = 0;

  for (guint i = 0; i < ROUNDS; i++)
    {
      ChanSender *tx;
      g_autoptr (ChanReceiver) rx = NULL;
      gpointer alive;
      Dropping dropping;
      GThread *thread;

      chan_pipe_new (4, &tx, &rx);
      alive = tx;
      g_object_add_weak_pointer (G_OBJECT (tx), &alive);
      g_signal_connect (tx, "peer-closed", G_CALLBACK (told_cb), &n_told);
      thread = start_dropping (&dropping, tx, i % 500);
      chan_receiver_close (rx);
      g_thread_join (thread);
      wait_gone (&alive);
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
      gpointer alive = session;
      Dropping dropping;
      GThread *thread;

      g_assert_no_error (error);
      server = chan_listener_accept_until (listener, g_get_monotonic_time () + 20 * G_USEC_PER_SEC, NULL, &error);
      g_assert_no_error (error);
      g_object_add_weak_pointer (G_OBJECT (session), &alive);
      g_signal_connect (session, "closed", G_CALLBACK (told_cb), &n_told);
      thread = start_dropping (&dropping, session, i % 500);
      chan_session_abort (server);
      g_thread_join (thread);
      wait_gone (&alive);
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

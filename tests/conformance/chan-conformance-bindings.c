/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-bindings.h"

#include "chan-conformance-fifos.h"
#include "chan-conformance-pair.h"
#include "chan-conformance-util.h"

static const char *base_uri;

static char *
next_uri (const char *parameters)
{
  static guint n_pairs;
  g_autofree char *uri = g_strdup_printf ("%s/%u", base_uri, n_pairs++);

  return chan_conformance_with_parameters (uri, parameters);
}

/* --- calls in the main thread ------------------------------------------------------ */

/* A language that runs in one thread only: there its transport is called. */
static GMutex call_lock; /* guards the result of a Call */
static GCond call_cond;

typedef struct
{
  const char *uri;
  GAsyncResult *result;
} Call;

static void
call_done (GObject *source, GAsyncResult *result, gpointer data)
{
  Call *self = data;

  g_mutex_lock (&call_lock);
  self->result = g_object_ref (result);
  g_cond_signal (&call_cond);
  g_mutex_unlock (&call_lock);
}

static gboolean
call_listen (gpointer data)
{
  chan_listen_async (((Call *) data)->uri, G_PRIORITY_DEFAULT, NULL, call_done, data);
  return G_SOURCE_REMOVE;
}

static gboolean
call_connect (gpointer data)
{
  chan_connect_async (((Call *) data)->uri, G_PRIORITY_DEFAULT, NULL, call_done, data);
  return G_SOURCE_REMOVE;
}

static GAsyncResult *
call_in_main (GSourceFunc begin, const char *uri)
{
  Call self = { uri };

  g_main_context_invoke (NULL, begin, &self);
  g_mutex_lock (&call_lock);
  while (self.result == NULL)
    g_assert_true (g_cond_wait_until (&call_cond, &call_lock, chan_test_deadline ()));
  g_mutex_unlock (&call_lock);
  return self.result;
}

static gboolean
close_listener (gpointer listener)
{
  chan_listener_close (listener);
  return G_SOURCE_REMOVE;
}

/* Listens and connects in the main thread, accepts here. */
static void
make_pair_beside (const char *parameters, ChanSession **a, ChanSession **b)
{
  g_autofree char *uri = next_uri (parameters);
  g_autoptr (GArray) before = chan_conformance_mark_fifos ();
  g_autoptr (GAsyncResult) listened = call_in_main (call_listen, uri);
  g_autoptr (GAsyncResult) connected = NULL;
  g_autoptr (ChanListener) listener = NULL;
  g_autoptr (GError) error = NULL;

  listener = chan_listen_finish (listened, &error);
  g_assert_no_error (error);
  connected = call_in_main (call_connect, uri);
  *a = chan_connect_finish (connected, &error);
  g_assert_no_error (error);
  *b = chan_listener_accept_until (listener, chan_test_deadline (), NULL, &error);
  g_assert_no_error (error);
  chan_conformance_attach_fifos (*a, before);
  g_main_context_invoke_full (NULL, G_PRIORITY_DEFAULT, close_listener, g_steal_pointer (&listener), g_object_unref);
}

static void
make_pair_here (const char *parameters, ChanSession **a, ChanSession **b)
{
  g_autofree char *uri = next_uri (NULL);
  g_autoptr (GArray) before = chan_conformance_mark_fifos ();

  chan_conformance_connect_pair (uri, parameters, a, b);
  chan_conformance_attach_fifos (*a, before);
}

/* --- the suite --------------------------------------------------------------------- */

/* No FDS: named pipes carry bytes only. */
#define FLAGS (CHAN_CONFORMANCE_RENDEZVOUS | CHAN_CONFORMANCE_REASONS | CHAN_CONFORMANCE_OPTIONS | CHAN_CONFORMANCE_WINDOWS)

static const ChanConformanceTransport here = {
  .name = "files", .flags = FLAGS, .make_pair = make_pair_here, .kill_link = chan_conformance_cut_fifos,
};
static const ChanConformanceTransport beside = {
  .name = "files", .flags = FLAGS | CHAN_CONFORMANCE_COLLECTED, .make_pair = make_pair_beside, .kill_link = chan_conformance_cut_fifos,
};

/**
 * chan_conformance_run_here:
 * @uri: URI of a directory for the sessions' addresses, over named pipes
 * @argv: (array zero-terminated=1): the program's name and arguments
 *
 * Runs the suite in this thread. The transport is called in it, and in others.
 *
 * Returns: the exit status
 */
int
chan_conformance_run_here (const char *uri, char **argv)
{
  base_uri = uri;
  return chan_conformance_run ((int) g_strv_length (argv), argv, &here);
}

typedef struct
{
  char **argv;
  int status;
  gint ended; /* atomic */
} Run;

static gpointer
run_thread (gpointer data)
{
  Run *self = data;

  self->status = chan_conformance_run ((int) g_strv_length (self->argv), self->argv, &beside);
  g_atomic_int_set (&self->ended, TRUE);
  g_main_context_wakeup (NULL);
  return NULL;
}

/**
 * chan_conformance_run_beside:
 * @uri: URI of a directory for the sessions' addresses, over named pipes
 * @argv: (array zero-terminated=1): the program's name and arguments
 *
 * Runs the suite in a thread of its own, and iterates the default main context
 * meanwhile: only there the transport is called.
 *
 * Returns: the exit status
 */
int
chan_conformance_run_beside (const char *uri, char **argv)
{
  Run self = { argv };
  GThread *thread;

  base_uri = uri;
  thread = g_thread_new ("conformance", run_thread, &self);
  while (!g_atomic_int_get (&self.ended))
    g_main_context_iteration (NULL, TRUE);
  g_thread_join (thread);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  return self.status;
}

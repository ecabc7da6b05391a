/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a listener asks and tells: over each transport that needs no certificates. */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <libchan-glib/libchan-glib.h>
#include <string.h>
#include <unistd.h>

static char *directory;

typedef struct
{
  ChanListener *listener;
  ChanSession *client;
  guint n_asked, n_incoming;
  gboolean answer;
  gboolean has_credentials;
  GMainLoop *loop;
} Fixture;

static gboolean
authorize_cb (ChanListener *listener, ChanSession *session, gpointer data)
{
  Fixture *self = data;
  g_autoptr (GCredentials) credentials = chan_session_get_peer_credentials (session);

  g_assert_cmpuint (self->n_incoming, <=, self->n_asked);
  self->n_asked++;
  self->has_credentials = credentials != NULL && g_credentials_get_unix_user (credentials, NULL) == geteuid ();
  g_main_loop_quit (self->loop);
  return self->answer;
}

static void
incoming_cb (ChanListener *listener, ChanSession *session, gpointer data)
{
  Fixture *self = data;

  self->n_incoming++;
  g_main_loop_quit (self->loop);
}

static void
incoming_only_cb (ChanListener *listener, ChanSession *session, gpointer data)
{
  ((Fixture *) data)->n_incoming++;
}

static void
connected_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Fixture *self = data;
  g_autoptr (GError) error = NULL;

  self->client = chan_connect_finish (result, &error);
  g_assert_no_error (error);
}

static gboolean
too_long (gpointer data)
{
  g_error ("nothing came");
  return G_SOURCE_REMOVE;
}

static void
setup (Fixture *self, gconstpointer uri)
{
  g_autofree char *path = g_strdup_printf ("unix:%s/socket", directory);
  g_autoptr (GError) error = NULL;

  self->loop = g_main_loop_new (NULL, FALSE);
  self->listener = chan_listen (g_str_equal (uri, "unix") ? path : uri, NULL, &error);
  g_assert_no_error (error);
}

static void
teardown (Fixture *self, gconstpointer uri)
{
  g_clear_object (&self->client);
  g_clear_object (&self->listener);
  g_main_loop_unref (self->loop);
}

static void
come (Fixture *self)
{
  guint limit = g_timeout_add_seconds (10, too_long, NULL);

  chan_connect_async (chan_listener_get_uri (self->listener), G_PRIORITY_DEFAULT, NULL, connected_cb, self);
  g_main_loop_run (self->loop);
  while (self->client == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (limit);
}

static void
test_refused (Fixture *self, gconstpointer uri)
{
  g_autoptr (ChanReceiver) receiver = NULL;
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (GError) error = NULL;

  g_signal_connect (self->listener, "authorize", G_CALLBACK (authorize_cb), self);
  g_signal_connect (self->listener, "incoming", G_CALLBACK (incoming_cb), self);
  come (self);
  g_assert_cmpuint (self->n_asked, ==, 1);
  /* The client sees an end, and not a clean one. */
  receiver = chan_session_accept_channel_until (self->client, g_get_monotonic_time () + 10 * G_USEC_PER_SEC, NULL, &error);
  g_assert_null (receiver);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpuint (self->n_incoming, ==, 0);
  g_clear_error (&error);
  session = chan_listener_accept_until (self->listener, g_get_monotonic_time () + 20000, NULL, &error);
  g_assert_null (session);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

static void
test_allowed (Fixture *self, gconstpointer uri)
{
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (GError) error = NULL;

  self->answer = TRUE;
  g_signal_connect (self->listener, "authorize", G_CALLBACK (authorize_cb), self);
  come (self);
  g_assert_cmpuint (self->n_asked, ==, 1);
  if (g_str_equal (uri, "unix"))
    g_assert_true (self->has_credentials);
  session = chan_listener_accept_until (self->listener, g_get_monotonic_time () + 10 * G_USEC_PER_SEC, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (session);
}

static gboolean
refuse_cb (ChanListener *listener, ChanSession *session, gpointer data)
{
  return FALSE;
}

static void
test_any_no_counts (Fixture *self, gconstpointer uri)
{
  g_signal_connect (self->listener, "authorize", G_CALLBACK (refuse_cb), NULL);
  /* Not asked any more: the first has refused. */
  g_signal_connect (self->listener, "authorize", G_CALLBACK (authorize_cb), self);
  g_signal_connect (self->listener, "incoming", G_CALLBACK (incoming_cb), self);
  g_timeout_add (100, (GSourceFunc) (void (*) (void)) g_main_loop_quit, self->loop);
  self->answer = TRUE;
  come (self);
  g_assert_cmpuint (self->n_asked, ==, 0);
  g_assert_cmpuint (self->n_incoming, ==, 0);
}

static void
test_incoming (Fixture *self, gconstpointer uri)
{
  g_signal_connect (self->listener, "incoming", G_CALLBACK (incoming_cb), self);
  come (self);
  g_assert_cmpuint (self->n_incoming, ==, 1);
}

/* The session is there before anybody is connected to a signal, as when a bus starts the program for it. */
static void
come_early (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  self->client = chan_connect_until (chan_listener_get_uri (self->listener), g_get_monotonic_time () + 10 * G_USEC_PER_SEC, NULL, &error);
  g_assert_no_error (error);
  /* A client is not told when the other side has it. */
  g_usleep (100000);
}

static void
run (Fixture *self)
{
  guint limit = g_timeout_add_seconds (10, too_long, NULL);

  g_main_loop_run (self->loop);
  g_source_remove (limit);
}

static void
test_early_incoming (Fixture *self, gconstpointer uri)
{
  come_early (self);
  g_signal_connect (self->listener, "incoming", G_CALLBACK (incoming_cb), self);
  run (self);
  g_assert_cmpuint (self->n_incoming, ==, 1);
}

static void
test_late_handler (Fixture *self, gconstpointer uri)
{
  g_autoptr (ChanSession) first = NULL;

  come_early (self);
  first = g_steal_pointer (&self->client);
  come_early (self);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  self->answer = TRUE;
  g_signal_connect (self->listener, "authorize", G_CALLBACK (authorize_cb), self);
  g_signal_connect (self->listener, "incoming", G_CALLBACK (incoming_only_cb), self);
  run (self);
  while (self->n_incoming < 2)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (self->n_asked, ==, 2);
}

static void
test_early_is_asked_about (Fixture *self, gconstpointer uri)
{
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (GError) error = NULL;

  come_early (self);
  g_signal_connect (self->listener, "authorize", G_CALLBACK (authorize_cb), self);
  /* Not for the asking: the handler has not answered. */
  session = chan_listener_accept_until (self->listener, g_get_monotonic_time () + 20000, NULL, &error);
  g_assert_null (session);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  run (self);
  g_assert_cmpuint (self->n_asked, ==, 1);
  g_clear_error (&error);
  session = chan_listener_accept_until (self->listener, g_get_monotonic_time () + 20000, NULL, &error);
  g_assert_null (session);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

static void
test_asked_once (Fixture *self, gconstpointer uri)
{
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (GError) error = NULL;

  self->answer = TRUE;
  come_early (self);
  g_signal_connect (self->listener, "authorize", G_CALLBACK (authorize_cb), self);
  run (self);
  session = chan_listener_accept_until (self->listener, g_get_monotonic_time () + 10 * G_USEC_PER_SEC, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (session);
  g_assert_cmpuint (self->n_asked, ==, 1);
}

/* A session that nobody wants does not keep the listener. */
static void
test_early_and_dropped (Fixture *self, gconstpointer uri)
{
  come_early (self);
  g_object_add_weak_pointer (G_OBJECT (self->listener), (gpointer *) &self->listener);
  g_object_unref (self->listener);
  g_assert_null (self->listener);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static const struct
{
  const char *name;
  void (*run) (Fixture *self, gconstpointer uri);
} tests[] = {
  { "authorize-refuses", test_refused },
  { "authorize-sees-who-it-is-and-allows", test_allowed },
  { "one-refusal-is-enough", test_any_no_counts },
  { "incoming", test_incoming },
  { "early-session-is-told-of", test_early_incoming },
  { "early-sessions-wait-for-a-late-handler", test_late_handler },
  { "early-session-is-asked-about", test_early_is_asked_about },
  { "early-session-is-asked-about-once", test_asked_once },
  { "early-session-does-not-keep-the-listener", test_early_and_dropped },
};

int
main (int argc, char **argv)
{
  static const char *const uris[] = { "memory:listener", "tcp://127.0.0.1:0", "unix" };
  g_autofree char *made = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  directory = made = g_dir_make_tmp ("chan-listener-XXXXXX", NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (uris); i++)
    for (gsize j = 0; j < G_N_ELEMENTS (tests); j++)
      {
        g_autofree char *name = g_strndup (uris[i], strcspn (uris[i], ":"));
        g_autofree char *path = g_strdup_printf ("/listener/%s/%s", name, tests[j].name);

        g_test_add (path, Fixture, uris[i], setup, tests[j].run, teardown);
      }
  status = g_test_run ();
  g_rmdir (directory);
  return status;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A GTK 4 window that shows what comes on a channel, live: what is said in a
 * chat room, or the readings of a feed. It goes in as a guest of a chat room
 * does, with {Name, Inbox}: the Inbox is a channel with room for 16 messages,
 * and this window has its other end. Pause stops the window, not the sender;
 * when the 16 are there, the sender waits. */
#include "example.h"
#include "watch-view.h"

#include <stdlib.h>

enum
{
  ROWS_AT_ONCE = 50,  /* then what is there is drawn first */
  REFRESH_MS = 200,
};

typedef struct
{
  const char *uri;
  const char *name;
  WatchView *view;
  ChanSession *session;
  ChanSender *voice;
  ChanReceiver *inbox;
  gboolean entered;           /* the other side has what writes to the inbox */
  guint n_in_a_row;
  guint drawing;              /* a source: when everything is drawn, it goes on */
} Watch;

/* --- the end ---------------------------------------------------------------------- */

/* error: NULL if the other side closed the channel. */
static void
watch_end (Watch *self, const GError *error)
{
  if (self->session != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->session, self);
      chan_session_abort (self->session);
    }
  g_clear_object (&self->inbox);
  g_clear_object (&self->voice);
  g_clear_object (&self->session);
  watch_view_show_ending (self->view, error != NULL ? error->message : "The other side closed the channel. Everything that it sent is here.",
                          error != NULL);
  watch_view_show_waiting (self->view, 0, FALSE);
}

static void
closed_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  chan_session_close_finish (CHAN_SESSION (object), result, &error);
  watch_end (data, error);
}

/* --- the messages ----------------------------------------------------------------- */

static void watch_read (Watch *self);

static gboolean
drawn_cb (gpointer data)
{
  Watch *self = data;

  self->drawing = 0;
  watch_read (self);
  return G_SOURCE_REMOVE;
}

static void
message_cb (ChanReceiver *inbox, ChanMessage *message, const GError *error, gpointer data)
{
  Watch *self = data;

  if (message != NULL)
    {
      watch_view_add (self->view, message);
      /* Drawing comes before what has a low priority: messages are taken no faster than they can be shown. */
      if (++self->n_in_a_row % ROWS_AT_ONCE == 0)
        {
          self->drawing = g_idle_add_full (G_PRIORITY_LOW, drawn_cb, self, NULL);
          watch_read (self);
        }
      return;
    }
  self->entered = FALSE;
  if (error != NULL)
    {
      watch_end (self, error);
      return;
    }
  chan_sender_close (self->voice);
  chan_session_close_async (self->session, G_PRIORITY_DEFAULT, NULL, closed_cb, self);
}

/* Without a handler the messages stay in the channel, and when that is full, the sender waits. */
static void
watch_read (Watch *self)
{
  gboolean reads = self->drawing == 0 && !watch_view_get_paused (self->view);

  if (self->entered)
    chan_receiver_set_handler (self->inbox, reads ? message_cb : NULL, self, NULL);
}

static void
pause_cb (WatchView *view, gboolean paused, Watch *self)
{
  watch_read (self);
}

/* --- the connection --------------------------------------------------------------- */

static void
lost_cb (ChanSession *session, Watch *self)
{
  watch_view_show_state (self->view, "Not connected", "failed");
}

static void
entered_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Watch *self = data;
  g_autoptr (GError) error = NULL;

  if (!chan_sender_send_finish (CHAN_SENDER (object), result, &error))
    {
      watch_end (self, error);
      return;
    }
  watch_view_show_state (self->view, "Connected", "good");
  self->entered = TRUE;
  watch_read (self);
}

static void
watch_enter (Watch *self)
{
  g_autoptr (ChanSender) inbox_for_them = NULL;
  g_autoptr (ChanMessage) message = NULL;
  GObject *handle;

  chan_pipe_new (WATCH_CAPACITY, &inbox_for_them, &self->inbox);
  handle = G_OBJECT (inbox_for_them);
  message = chan_message_new_with_handles (g_variant_new_parsed ("{'Name': <%s>, 'Inbox': <handle 0>}", self->name), &handle, 1);
  chan_sender_send_async (self->voice, message, G_PRIORITY_DEFAULT, NULL, entered_cb, self);
}

static void
connected_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Watch *self = data;
  g_autoptr (GError) error = NULL;

  self->session = chan_connect_finish (result, &error);
  if (self->session != NULL)
    self->voice = chan_session_open_channel (self->session, "watch", &error);
  if (self->voice == NULL)
    {
      watch_end (self, error);
      return;
    }
  g_signal_connect (self->session, "closed", G_CALLBACK (lost_cb), self);
  watch_enter (self);
}

static void
watch_start (Watch *self)
{
  self->n_in_a_row = 0;
  watch_view_clear (self->view);
  watch_view_show_state (self->view, "Connecting", "between");
  chan_connect_async (self->uri, G_PRIORITY_DEFAULT, NULL, connected_cb, self);
}

/* --- the program ------------------------------------------------------------------ */

/* What arrived, and is not shown, waits. */
static gboolean
refresh_cb (gpointer data)
{
  Watch *self = data;
  g_autoptr (GVariant) statistics = NULL;
  guint64 n_shown = watch_view_get_n_shown (self->view);
  guint64 n_arrived = 0;

  if (self->session == NULL)
    return G_SOURCE_CONTINUE;
  statistics = chan_session_dup_statistics (self->session);
  g_variant_lookup (statistics, "messages-in", "t", &n_arrived);
  watch_view_show_waiting (self->view, n_arrived > n_shown ? n_arrived - n_shown : 0,
                           chan_session_get_state (self->session) == CHAN_SESSION_OPEN);
  return G_SOURCE_CONTINUE;
}

/* TRUE: the window stays until nothing is shown in it any more. */
static gboolean
close_cb (GtkWindow *window, gpointer loop)
{
  g_main_loop_quit (loop);
  return TRUE;
}

int
main (int argc, char **argv)
{
  char **arguments = example_arguments (argc, argv, "URI|@NAME [YOUR-NAME]",
    "Shows what comes on a channel in a window: what is said in a chat room, or the readings of a feed.", 1);
  g_autoptr (GMainLoop) loop = example_loop_new ();
  Watch self = { .uri = arguments[0], .name = arguments[1] != NULL ? arguments[1] : "window" };

  if (!gtk_init_check ())
    {
      g_printerr ("%s: there is no display; is DISPLAY or WAYLAND_DISPLAY set?\n", g_get_prgname ());
      return EXIT_FAILURE;
    }
  self.view = watch_view_new (self.uri);
  g_signal_connect (self.view, "pause", G_CALLBACK (pause_cb), &self);
  g_signal_connect_swapped (self.view, "again", G_CALLBACK (watch_start), &self);
  g_signal_connect (self.view, "close-request", G_CALLBACK (close_cb), loop);
  gtk_window_present (GTK_WINDOW (self.view));
  g_timeout_add (REFRESH_MS, refresh_cb, &self);
  watch_start (&self);
  g_main_loop_run (loop);
  return EXIT_SUCCESS;
}

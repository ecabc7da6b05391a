/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preloaded into a watch-window of any language, as it is (LD_PRELOAD): for each command on its input it prints what the
 * window shows, as one line of JSON. It knows the window by its widgets' types and CSS classes, and the rows by their
 * properties. Commands: look, pause, again, flood (a server in the process, memory:flood, that sends for ever), and
 * close, after which nothing is told. */
#include <gtk/gtk.h>
#include <json-glib/json-glib.h>
#include <libchan-glib/libchan-glib.h>
#include <stdio.h>
#include <stdlib.h>

static struct
{
  GtkWidget *window;   /* NULL: there is none yet */
  GListModel *rows;
  guint64 n_shown;     /* rows that came, of which the oldest may be gone */
  guint64 n_shown_last;
  guint n_drawn;       /* frames with a new row */
  guint n_frames;
  guint n_at_once;     /* rows that came without time to draw */
  guint n_at_once_max;
} probe;

/* --- finding ---------------------------------------------------------------------- */

/* The first below a widget, or NULL. css_class: NULL for any. */
static GtkWidget *
find (GtkWidget *widget, GType type, const char *css_class)
{
  GtkWidget *found = NULL;

  if (G_TYPE_CHECK_INSTANCE_TYPE (widget, type) && (css_class == NULL || gtk_widget_has_css_class (widget, css_class)))
    return widget;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL && found == NULL; child = gtk_widget_get_next_sibling (child))
    found = find (child, type, css_class);
  return found;
}

/* It is a failure of the program under test if there is none. */
static GtkWidget *
get (GtkWidget *widget, GType type, const char *css_class)
{
  GtkWidget *found = find (widget, type, css_class);

  if (found == NULL)
    g_error ("the window has no %s .%s", g_type_name (type), css_class != NULL ? css_class : "any");
  return found;
}

/* Comes after drawing, if there is something to draw. */
static gboolean
drawn_cb (gpointer data)
{
  probe.n_at_once = 0;
  return G_SOURCE_REMOVE;
}

static void
items_changed_cb (GListModel *rows, guint position, guint n_removed, guint n_added, gpointer data)
{
  if (probe.n_at_once == 0 && n_added > 0)
    g_idle_add_full (GDK_PRIORITY_REDRAW + 1, drawn_cb, NULL, NULL);
  probe.n_at_once += n_added;
  probe.n_at_once_max = MAX (probe.n_at_once_max, probe.n_at_once);
  probe.n_shown += n_added;
  if (n_removed > 0 && g_list_model_get_n_items (rows) == 0)
    probe.n_shown = 0;
}

static gboolean
tick_cb (GtkWidget *window, GdkFrameClock *clock, gpointer data)
{
  probe.n_frames++;
  if (probe.n_shown != probe.n_shown_last)
    probe.n_drawn++;
  probe.n_shown_last = probe.n_shown;
  return G_SOURCE_CONTINUE;
}

/* --- telling ---------------------------------------------------------------------- */

static void
tell_string (JsonBuilder *json, const char *name, const char *text)
{
  json_builder_set_member_name (json, name);
  if (text != NULL)
    json_builder_add_string_value (json, text);
  else
    json_builder_add_null_value (json);
}

static void
tell_int (JsonBuilder *json, const char *name, gint64 number)
{
  json_builder_set_member_name (json, name);
  json_builder_add_int_value (json, number);
}

/* On the screen: [x, y, width, height] */
static void
tell_area (JsonBuilder *json, GtkWidget *widget)
{
  graphene_rect_t area;
  double x, y;

  if (!gtk_widget_compute_bounds (widget, probe.window, &area))
    g_error ("a %s is not in the window", G_OBJECT_TYPE_NAME (widget));
  gtk_native_get_surface_transform (GTK_NATIVE (probe.window), &x, &y);
  json_builder_begin_array (json);
  json_builder_add_int_value (json, (gint64) (area.origin.x + x + 0.5));
  json_builder_add_int_value (json, (gint64) (area.origin.y + y + 0.5));
  json_builder_add_int_value (json, (gint64) (area.size.width + 0.5f));
  json_builder_add_int_value (json, (gint64) (area.size.height + 0.5f));
  json_builder_end_array (json);
}

/* Every label below a widget that is on the screen: [text, area] */
static void
tell_labels (JsonBuilder *json, GtkWidget *widget)
{
  if (GTK_IS_LABEL (widget) && gtk_widget_get_mapped (widget) && *gtk_label_get_text (GTK_LABEL (widget)) != '\0')
    {
      json_builder_begin_array (json);
      json_builder_add_string_value (json, gtk_label_get_text (GTK_LABEL (widget)));
      tell_area (json, widget);
      json_builder_end_array (json);
    }
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL; child = gtk_widget_get_next_sibling (child))
    tell_labels (json, child);
}

static void
tell_rows (JsonBuilder *json)
{
  json_builder_set_member_name (json, "rows");
  json_builder_begin_array (json);
  for (guint i = 0; i < g_list_model_get_n_items (probe.rows); i++)
    {
      g_autoptr (GObject) row = g_list_model_get_item (probe.rows, i);
      g_autofree char *who = NULL;
      g_autofree char *text = NULL;
      g_autofree char *note = NULL;

      g_object_get (row, "who", &who, "text", &text, "note", &note, NULL);
      json_builder_begin_array (json);
      json_builder_add_string_value (json, who != NULL ? who : "");
      json_builder_add_string_value (json, text);
      json_builder_add_string_value (json, note);
      json_builder_end_array (json);
    }
  json_builder_end_array (json);
}

static void
tell_areas (JsonBuilder *json, GtkWidget *list, GtkWidget *state, GtkWidget *ending_text)
{
  json_builder_set_member_name (json, "areas");
  json_builder_begin_object (json);
  json_builder_set_member_name (json, "list");
  tell_area (json, list);
  json_builder_set_member_name (json, "scrolled");
  tell_area (json, get (probe.window, GTK_TYPE_SCROLLED_WINDOW, NULL));
  json_builder_set_member_name (json, "state");
  tell_area (json, state);
  json_builder_set_member_name (json, "ending");
  if (ending_text != NULL)
    tell_area (json, ending_text);
  else
    json_builder_add_null_value (json);
  json_builder_end_object (json);
}

static void
look (JsonBuilder *json)
{
  GtkWidget *state = get (probe.window, GTK_TYPE_LABEL, "state");
  GtkWidget *list = get (probe.window, GTK_TYPE_LIST_VIEW, NULL);
  GtkWidget *ending = get (probe.window, GTK_TYPE_BOX, "ending");
  GtkWidget *ending_text = gtk_widget_get_visible (ending) ? get (ending, GTK_TYPE_LABEL, "text") : NULL;

  gdk_display_sync (gtk_widget_get_display (probe.window));
  tell_int (json, "shown", (gint64) probe.n_shown);
  tell_int (json, "n_drawn", probe.n_drawn);
  tell_int (json, "n_frames", probe.n_frames);
  tell_int (json, "n_at_once_max", probe.n_at_once_max);
  tell_rows (json);
  tell_string (json, "state", gtk_label_get_text (GTK_LABEL (state)));
  tell_string (json, "ending", ending_text != NULL ? gtk_label_get_text (GTK_LABEL (ending_text)) : NULL);
  json_builder_set_member_name (json, "failed");
  json_builder_add_boolean_value (json, gtk_widget_has_css_class (ending, "failed"));
  tell_string (json, "waiting", gtk_label_get_text (GTK_LABEL (get (probe.window, GTK_TYPE_LABEL, "waiting"))));
  tell_int (json, "level", (gint64) gtk_level_bar_get_value (GTK_LEVEL_BAR (get (probe.window, GTK_TYPE_LEVEL_BAR, NULL))));
  tell_string (json, "pause", gtk_button_get_label (GTK_BUTTON (get (probe.window, GTK_TYPE_TOGGLE_BUTTON, NULL))));
  tell_string (json, "again", gtk_button_get_label (GTK_BUTTON (get (ending, GTK_TYPE_BUTTON, NULL))));
  tell_areas (json, list, state, ending_text);
  json_builder_set_member_name (json, "labels");
  json_builder_begin_array (json);
  tell_labels (json, list);
  json_builder_end_array (json);
}

/* --- flooding --------------------------------------------------------------------- */

static gpointer
flood_run (gpointer data)
{
  g_autoptr (ChanListener) listener = data;
  g_autoptr (ChanSession) session = chan_listener_accept (listener, NULL, NULL);
  g_autoptr (ChanReceiver) channel = session != NULL ? chan_session_accept_channel (session, NULL, NULL) : NULL;
  g_autoptr (ChanMessage) entry = channel != NULL ? chan_receiver_receive (channel, NULL, NULL) : NULL;
  g_autoptr (GObject) inbox = entry != NULL ? chan_message_steal_handle (entry, 0) : NULL;

  for (guint64 i = 0; inbox != NULL; i++)
    {
      g_autoptr (ChanMessage) message = chan_message_new (g_variant_new_parsed ("{'Text': <%t>}", i));

      if (!chan_sender_send (CHAN_SENDER (inbox), message, NULL, NULL))
        break;
    }
  return NULL;
}

/* Faster than anything can be shown: no other process and no socket is on the way. */
static void
flood (void)
{
  g_autoptr (GError) error = NULL;
  ChanListener *listener = chan_listen ("memory:flood", NULL, &error);

  if (listener == NULL)
    g_error ("%s", error->message);
  g_thread_unref (g_thread_new ("flood", flood_run, listener));
}

/* --- obeying ---------------------------------------------------------------------- */

static void
obey (const char *command, JsonBuilder *json)
{
  GtkWidget *button = NULL;

  if (g_str_equal (command, "pause"))
    button = get (probe.window, GTK_TYPE_TOGGLE_BUTTON, NULL);
  else if (g_str_equal (command, "again"))
    button = get (get (probe.window, GTK_TYPE_BOX, "ending"), GTK_TYPE_BUTTON, NULL);
  if (button != NULL)
    g_signal_emit_by_name (button, "clicked");
  if (g_str_equal (command, "flood"))
    flood ();
  json_builder_begin_object (json);
  if (g_str_equal (command, "close"))
    gtk_window_close (GTK_WINDOW (probe.window));
  else
    look (json);
  json_builder_end_object (json);
}

static gboolean
command_cb (GIOChannel *input, GIOCondition condition, gpointer data)
{
  g_autofree char *command = NULL;
  g_autofree char *answer = NULL;
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;

  if (g_io_channel_read_line (input, &command, NULL, NULL, NULL) != G_IO_STATUS_NORMAL)
    return G_SOURCE_REMOVE;
  obey (g_strchomp (command), json);
  root = json_builder_get_root (json);
  answer = json_to_string (root, FALSE);
  printf ("%s\n", answer);
  fflush (stdout);
  return G_SOURCE_CONTINUE;
}

/* --- beginning -------------------------------------------------------------------- */

/* Comes before whatever else the program does in its main loop, so no row was added yet. */
static gboolean
find_window_cb (gpointer data)
{
  g_autoptr (GtkWidget) window = NULL;

  g_autoptr (GIOChannel) input = g_io_channel_unix_new (0);

  if (!gtk_is_initialized () || g_list_model_get_n_items (gtk_window_get_toplevels ()) == 0)
    return G_SOURCE_CONTINUE;
  window = g_list_model_get_item (gtk_window_get_toplevels (), 0);
  probe.window = window;
  probe.rows = G_LIST_MODEL (gtk_list_view_get_model (GTK_LIST_VIEW (get (window, GTK_TYPE_LIST_VIEW, NULL))));
  g_signal_connect (probe.rows, "items-changed", G_CALLBACK (items_changed_cb), NULL);
  gtk_widget_add_tick_callback (window, tick_cb, NULL, NULL);
  input = g_io_channel_unix_new (0);
  g_io_add_watch (input, G_IO_IN | G_IO_HUP, command_cb, NULL);
  return G_SOURCE_REMOVE;
}

__attribute__ ((constructor))
static void
start (void)
{
  unsetenv ("LD_PRELOAD");   /* its children are not looked at */
  g_idle_add_full (G_PRIORITY_HIGH, find_window_cb, NULL, NULL);
}

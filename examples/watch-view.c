/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch-view.h"

#include "watch-row.h"

enum
{
  ROWS = 1000,        /* older ones go */
  FOLLOW_FRAMES = 5,  /* the list needs some to know how long it is */
};

enum
{
  SIGNAL_PAUSE,
  SIGNAL_AGAIN,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

struct _WatchView
{
  GtkWindow parent_instance;
  GListStore *rows;
  guint64 n_shown;
  guint follow_frames;
  GtkLabel *state;
  GtkToggleButton *pause;
  GtkWidget *ending;
  GtkLabel *ending_text;
  GtkWidget *list;
  GtkScrolledWindow *scrolled;
  GtkLevelBar *level;
  GtkLabel *waiting;
};

G_DEFINE_FINAL_TYPE (WatchView, watch_view, GTK_TYPE_WINDOW)

/* --- making it ------------------------------------------------------------------- */

static GtkWidget *
label_new (const char *css_class)
{
  const char *classes[] = { css_class, NULL };

  return g_object_new (GTK_TYPE_LABEL, "xalign", 0.0, "css-classes", classes, NULL);
}

static GtkWidget *
box_new (const char *css_class)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);

  gtk_widget_add_css_class (box, css_class);
  return box;
}

/* A label that holds what a property of the item's row does. */
static GtkWidget *
part_new (GtkListItem *item, const char *property)
{
  GtkWidget *label = label_new (property);
  GtkExpression *row = gtk_property_expression_new (GTK_TYPE_LIST_ITEM, NULL, "item");

  gtk_expression_bind (gtk_property_expression_new (WATCH_TYPE_ROW, row, property), label, "label", item);
  return label;
}

static void
setup_cb (GtkListItemFactory *factory, GtkListItem *item, gpointer data)
{
  GtkWidget *box = box_new ("row");
  GtkWidget *who = part_new (item, "who");
  GtkWidget *text = part_new (item, "text");

  g_object_set (who, "width-chars", 9, NULL);
  g_object_set (text, "hexpand", TRUE, "wrap", TRUE, "wrap-mode", PANGO_WRAP_WORD_CHAR, NULL);
  gtk_box_append (GTK_BOX (box), who);
  gtk_box_append (GTK_BOX (box), text);
  gtk_box_append (GTK_BOX (box), part_new (item, "note"));
  gtk_box_append (GTK_BOX (box), part_new (item, "when"));
  gtk_list_item_set_child (item, box);
}

static void
toggled_cb (GtkToggleButton *button, WatchView *self)
{
  gboolean paused = gtk_toggle_button_get_active (button);

  gtk_button_set_label (GTK_BUTTON (button), paused ? "Go on" : "Pause");
  g_signal_emit (self, signals[SIGNAL_PAUSE], 0, paused);
}

static void
again_cb (WatchView *self)
{
  g_signal_emit (self, signals[SIGNAL_AGAIN], 0);
}

static void
add_style (GdkDisplay *display)
{
  g_autoptr (GtkCssProvider) style = gtk_css_provider_new ();

  gtk_css_provider_load_from_resource (style, "/org/example/watch-window/watch-window.css");
  gtk_style_context_add_provider_for_display (display, GTK_STYLE_PROVIDER (style), GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

static GtkWidget *
make_bar (WatchView *self)
{
  GtkWidget *bar = gtk_header_bar_new ();

  self->state = GTK_LABEL (label_new ("state"));
  self->pause = GTK_TOGGLE_BUTTON (gtk_toggle_button_new_with_label ("Pause"));
  g_signal_connect (self->pause, "toggled", G_CALLBACK (toggled_cb), self);
  gtk_header_bar_pack_start (GTK_HEADER_BAR (bar), GTK_WIDGET (self->state));
  gtk_header_bar_pack_end (GTK_HEADER_BAR (bar), GTK_WIDGET (self->pause));
  return bar;
}

static GtkWidget *
make_ending (WatchView *self)
{
  GtkWidget *again = gtk_button_new_with_label ("Connect again");

  self->ending_text = GTK_LABEL (label_new ("text"));
  g_object_set (self->ending_text, "hexpand", TRUE, "wrap", TRUE, NULL);
  gtk_widget_set_valign (again, GTK_ALIGN_CENTER);
  g_signal_connect_swapped (again, "clicked", G_CALLBACK (again_cb), self);
  self->ending = box_new ("ending");
  gtk_widget_set_visible (self->ending, FALSE);
  gtk_box_append (GTK_BOX (self->ending), GTK_WIDGET (self->ending_text));
  gtk_box_append (GTK_BOX (self->ending), again);
  return self->ending;
}

static GtkWidget *
make_list (WatchView *self)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();
  GtkNoSelection *model = gtk_no_selection_new (g_object_ref (G_LIST_MODEL (self->rows)));

  g_signal_connect (factory, "setup", G_CALLBACK (setup_cb), NULL);
  self->list = gtk_list_view_new (GTK_SELECTION_MODEL (model), factory);
  self->scrolled = g_object_new (GTK_TYPE_SCROLLED_WINDOW, "vexpand", TRUE, "hscrollbar-policy", GTK_POLICY_NEVER,
                                 "child", self->list, NULL);
  return GTK_WIDGET (self->scrolled);
}

static GtkWidget *
make_foot (WatchView *self)
{
  GtkWidget *foot = box_new ("foot");

  self->level = g_object_new (GTK_TYPE_LEVEL_BAR, "max-value", (double) WATCH_CAPACITY, "mode", GTK_LEVEL_BAR_MODE_DISCRETE,
                              "hexpand", TRUE, "valign", GTK_ALIGN_CENTER, NULL);
  self->waiting = GTK_LABEL (label_new ("waiting"));
  gtk_label_set_width_chars (self->waiting, 38);
  gtk_box_append (GTK_BOX (foot), GTK_WIDGET (self->level));
  gtk_box_append (GTK_BOX (foot), GTK_WIDGET (self->waiting));
  return foot;
}

static void
watch_view_init (WatchView *self)
{
  GtkWidget *page = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  add_style (gtk_widget_get_display (GTK_WIDGET (self)));
  self->rows = g_list_store_new (WATCH_TYPE_ROW);
  gtk_window_set_titlebar (GTK_WINDOW (self), make_bar (self));
  gtk_box_append (GTK_BOX (page), make_ending (self));
  gtk_box_append (GTK_BOX (page), make_list (self));
  gtk_box_append (GTK_BOX (page), gtk_separator_new (GTK_ORIENTATION_HORIZONTAL));
  gtk_box_append (GTK_BOX (page), make_foot (self));
  gtk_window_set_child (GTK_WINDOW (self), page);
}

static void
watch_view_finalize (GObject *object)
{
  WatchView *self = WATCH_VIEW (object);

  g_object_unref (self->rows);
  G_OBJECT_CLASS (watch_view_parent_class)->finalize (object);
}

static void
watch_view_class_init (WatchViewClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = watch_view_finalize;
  signals[SIGNAL_PAUSE] = g_signal_new ("pause", WATCH_TYPE_VIEW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 1, G_TYPE_BOOLEAN);
  signals[SIGNAL_AGAIN] = g_signal_new ("again", WATCH_TYPE_VIEW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

WatchView *
watch_view_new (const char *title)
{
  return g_object_new (WATCH_TYPE_VIEW, "title", title, "default-width", 640, "default-height", 440, NULL);
}

/* --- what it shows --------------------------------------------------------------- */

gboolean
watch_view_get_paused (WatchView *self)
{
  return gtk_toggle_button_get_active (self->pause);
}

/* What is new comes into sight; who wants to look at what is old pauses. */
static gboolean
follow_cb (GtkWidget *list, GdkFrameClock *clock, gpointer data)
{
  WatchView *self = data;
  GtkAdjustment *place = gtk_scrolled_window_get_vadjustment (self->scrolled);

  gtk_adjustment_set_value (place, gtk_adjustment_get_upper (place) - gtk_adjustment_get_page_size (place));
  self->follow_frames--;
  return self->follow_frames > 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void
watch_view_add (WatchView *self, ChanMessage *message)
{
  g_autoptr (WatchRow) row = watch_row_new (message);

  g_list_store_append (self->rows, row);
  self->n_shown++;
  if (g_list_model_get_n_items (G_LIST_MODEL (self->rows)) > ROWS)
    g_list_store_remove (self->rows, 0);
  if (self->follow_frames == 0)
    gtk_widget_add_tick_callback (self->list, follow_cb, self, NULL);
  self->follow_frames = FOLLOW_FRAMES;
}

guint64
watch_view_get_n_shown (WatchView *self)
{
  return self->n_shown;
}

void
watch_view_clear (WatchView *self)
{
  gtk_widget_set_visible (self->ending, FALSE);
  g_list_store_remove_all (self->rows);
  self->n_shown = 0;
}

void
watch_view_show_state (WatchView *self, const char *state, const char *css_class)
{
  g_autofree char *text = g_strdup_printf ("● %s", state);
  const char *classes[] = { "state", css_class, NULL };

  gtk_label_set_text (self->state, text);
  gtk_widget_set_css_classes (GTK_WIDGET (self->state), classes);
}

void
watch_view_show_ending (WatchView *self, const char *text, gboolean failed)
{
  const char *classes[] = { "ending", failed ? "failed" : NULL, NULL };

  watch_view_show_state (self, "Not connected", failed ? "failed" : "over");
  gtk_label_set_text (self->ending_text, text);
  gtk_widget_set_css_classes (self->ending, classes);
  gtk_widget_set_visible (self->ending, TRUE);
}

void
watch_view_show_waiting (WatchView *self, guint64 n_waiting, gboolean connected)
{
  const char *sender = !connected ? "is gone" : n_waiting >= WATCH_CAPACITY ? "waits" : "goes on";
  g_autofree char *text = NULL;

  if (n_waiting > 0)
    text = g_strdup_printf ("%" G_GUINT64_FORMAT " of %d wait here; the sender %s", n_waiting, WATCH_CAPACITY, sender);
  else
    text = g_strdup_printf ("%" G_GUINT64_FORMAT " message%s", self->n_shown, self->n_shown == 1 ? "" : "s");
  gtk_level_bar_set_value (self->level, (double) n_waiting);
  gtk_label_set_text (self->waiting, text);
}

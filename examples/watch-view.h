/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is seen of watch-window. Signals: "pause" (gboolean), which tells whether it is to stop now, and "again". */
#pragma once

#include <gtk/gtk.h>
#include <libchan-glib/libchan-glib.h>

G_BEGIN_DECLS

#define WATCH_CAPACITY 16  /* of the channel that is shown */

#define WATCH_TYPE_VIEW (watch_view_get_type ())
G_DECLARE_FINAL_TYPE (WatchView, watch_view, WATCH, VIEW, GtkWindow)

WatchView *watch_view_new          (const char *title);
gboolean   watch_view_get_paused   (WatchView *self);
void       watch_view_add          (WatchView *self, ChanMessage *message);
guint64    watch_view_get_n_shown  (WatchView *self);
void       watch_view_clear        (WatchView *self);
void       watch_view_show_state   (WatchView *self, const char *state, const char *css_class);
void       watch_view_show_ending  (WatchView *self, const char *text, gboolean failed);
void       watch_view_show_waiting (WatchView *self, guint64 n_waiting, gboolean connected);

G_END_DECLS

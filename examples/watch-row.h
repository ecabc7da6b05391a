/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/libchan-glib.h>

G_BEGIN_DECLS

#define WATCH_TYPE_ROW (watch_row_get_type ())
G_DECLARE_FINAL_TYPE (WatchRow, watch_row, WATCH, ROW, GObject)

/* One message, as it is shown: the properties who, text, note and when. */
WatchRow *watch_row_new (ChanMessage *message);

G_END_DECLS

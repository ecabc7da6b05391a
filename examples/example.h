/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What several of the programs here have in common: arguments, serving, the
 * end, and looking into messages that come from who knows whom. */
#pragma once

#include <libchan-glib/libchan-glib.h>

/* Reads --help and the arguments, of which there are at least n_needed, and at
 * most as many as words in usage, unless that has a … in it; else says what is
 * wrong and exits. All are in UTF-8, as text in a message has to be. */
char      **example_arguments     (int argc, char **argv, const char *usage, const char *summary, guint n_needed);

/* FALSE: it said which of them is not. */
gboolean    example_check_utf8    (char **words);

/* A loop that SIGTERM and SIGINT end. */
GMainLoop  *example_loop_new      (void);

/* Listens, prints where, and calls serve for each channel that a client opens,
 * until SIGTERM or SIGINT. Returns an exit status. */
typedef void (*ExampleServe) (ChanReceiver *channel, gpointer user_data);
int         example_serve         (const char *uri, ExampleServe serve, gpointer user_data);

/* Says what went wrong; returns the exit status for it. */
int         example_failed        (const GError *error);

/* Values of a message {Key: value, …}. NULL or FALSE: there is none of this type. */
char       *example_dup_string    (ChanMessage *message, const char *key);
gboolean    example_lookup_int64  (ChanMessage *message, const char *key, gint64 *value);

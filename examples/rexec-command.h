/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/libchan-glib.h>

/* One command that a client asked for, from its message to its status:
 * {Cmd, Args, Stdin, Stdout, Stderr, StatusChan, Signals} -> {Status}. */

/* Called when the command is over. */
typedef void (*CommandDone) (gpointer command, gpointer user_data);

/* NULL: the message is none. */
gpointer command_start  (ChanMessage *request, CommandDone done, gpointer user_data);
/* What command_start() returned is now known to the caller: it may end. */
void     command_begun  (gpointer command);
/* SIGHUP to its processes, SIGKILL two seconds later. */
void     command_hang_up (gpointer command);
/* Answers a request that is not served. */
void     command_refuse (ChanMessage *request, const char *why);

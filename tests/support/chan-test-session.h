/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <libchan-glib/libchan-glib.h>

/* A session over a connected socket of any kind, which it takes. */
static inline ChanSession *
chan_test_session_new (int fd, ChanSessionRole role)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, &error);
  g_autoptr (GSocketConnection) connection = NULL;
  ChanSession *session;

  g_assert_no_error (error);
  connection = g_socket_connection_factory_create_connection (socket);
  session = chan_session_new_for_stream (G_IO_STREAM (connection), role, &error);
  g_assert_no_error (error);
  return session;
}

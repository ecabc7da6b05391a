/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "chan-conformance-util.h"

#define SOCKETS_KEY "chan-conformance-sockets"

/* Numbers of descriptors come again when others are closed meanwhile; those of inodes do not. */
typedef struct
{
  int fd;
  guint64 inode;
} Socket;

static gboolean
contains (GArray *sockets, guint64 inode)
{
  for (guint i = 0; i < sockets->len; i++)
    if (g_array_index (sockets, Socket, i).inode == inode)
      return TRUE;
  return FALSE;
}

/* By their names in /proc, for using a descriptor that another thread may be closing is an error to ThreadSanitizer. */
GArray *
chan_conformance_mark_sockets (void)
{
  GArray *sockets = g_array_new (FALSE, FALSE, sizeof (Socket));
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (path, NULL);
      Socket found = { .fd = atoi (name) };

      if (target != NULL && sscanf (target, "socket:[%" G_GUINT64_FORMAT "]", &found.inode) == 1)
        g_array_append_val (sockets, found);
    }
  return sockets;
}

void
chan_conformance_attach_sockets (ChanSession *session, GArray *before)
{
  GArray *fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_autoptr (GArray) now = chan_conformance_mark_sockets ();

  for (guint i = 0; i < now->len; i++)
    {
      Socket found = g_array_index (now, Socket, i);

      if (!contains (before, found.inode))
        g_array_append_val (fds, found.fd);
    }
  g_object_set_data_full (G_OBJECT (session), SOCKETS_KEY, fds, (GDestroyNotify) g_array_unref);
}

void
chan_conformance_cut_sockets (ChanSession *a, ChanSession *b)
{
  GArray *fds = g_object_get_data (G_OBJECT (a), SOCKETS_KEY);

  g_assert_cmpuint (fds->len, >, 0);
  for (guint i = 0; i < fds->len; i++)
    shutdown (g_array_index (fds, int, i), SHUT_RDWR);
}

void
chan_conformance_cut_pair (ChanSession *a, ChanSession *b)
{
  GArray *fds = g_object_get_data (G_OBJECT (a), SOCKETS_KEY);

  if (fds->len > 0)
    chan_conformance_cut_sockets (a, b);
  else
    chan_session_abort (b);
}

char *
chan_conformance_with_parameters (const char *uri, const char *parameters)
{
  if (parameters == NULL || strchr (uri, '?') != NULL)
    return g_strdup (uri);
  return g_strconcat (uri, "?", parameters, NULL);
}

void
chan_conformance_connect_pair (const char *uri, const char *parameters, ChanSession **a, ChanSession **b)
{
  g_autofree char *listen_uri = chan_conformance_with_parameters (uri, parameters);
  g_autofree char *real_uri = NULL;
  g_autoptr (ChanListener) listener = NULL;
  g_autoptr (GArray) before = chan_conformance_mark_sockets ();
  g_autoptr (GError) error = NULL;

  listener = chan_listen (listen_uri, NULL, &error);
  g_assert_no_error (error);
  real_uri = chan_conformance_with_parameters (chan_listener_get_uri (listener), parameters);
  *a = chan_connect_until (real_uri, chan_test_deadline (), NULL, &error);
  g_assert_no_error (error);
  *b = chan_listener_accept_until (listener, chan_test_deadline (), NULL, &error);
  g_assert_no_error (error);
  chan_listener_close (listener);
  g_clear_object (&listener);
  chan_conformance_attach_sockets (*a, before);
}

void
chan_conformance_connect_other (const ChanConformanceTransport *transport, ChanSession **a, ChanSession **b)
{
  gboolean memory = strcmp (transport->name, "memory") == 0;

  chan_conformance_connect_pair (memory ? "tcp://127.0.0.1:0" : "memory:other", NULL, a, b);
}

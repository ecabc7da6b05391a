/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-fifos.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIFOS_KEY "chan-conformance-fifos"
#define MAX_FDS 1024

/* Its inode, for numbers of descriptors come again when others are closed meanwhile; 0: it is no such end. */
static guint64
fifo_end (int fd, int mode)
{
  struct stat info;

  if (fstat (fd, &info) < 0 || !S_ISFIFO (info.st_mode) || (fcntl (fd, F_GETFL) & O_ACCMODE) != mode)
    return 0;
  return info.st_ino;
}

static gboolean
is_read (guint64 inode)
{
  for (int fd = 0; fd < MAX_FDS; fd++)
    if (fifo_end (fd, O_RDONLY) == inode)
      return TRUE;
  return FALSE;
}

/* Not those that nobody reads: a listener may have some ready for the next client. */
static guint64
writing_end (int fd)
{
  guint64 inode = fifo_end (fd, O_WRONLY);

  return inode != 0 && is_read (inode) ? inode : 0;
}

GArray *
chan_conformance_mark_fifos (void)
{
  GArray *inodes = g_array_sized_new (FALSE, TRUE, sizeof (guint64), MAX_FDS);

  g_array_set_size (inodes, MAX_FDS);
  for (int fd = 0; fd < MAX_FDS; fd++)
    g_array_index (inodes, guint64, fd) = writing_end (fd);
  return inodes;
}

static gboolean
contains (GArray *inodes, guint64 inode)
{
  for (guint i = 0; i < inodes->len; i++)
    if (g_array_index (inodes, guint64, i) == inode)
      return TRUE;
  return FALSE;
}

void
chan_conformance_attach_fifos (ChanSession *session, GArray *before)
{
  GArray *fds = g_array_new (FALSE, FALSE, sizeof (int));

  for (int fd = 0; fd < MAX_FDS; fd++)
    {
      guint64 inode = writing_end (fd);

      if (inode != 0 && !contains (before, inode))
        g_array_append_val (fds, fd);
    }
  g_object_set_data_full (G_OBJECT (session), FIFOS_KEY, fds, (GDestroyNotify) g_array_unref);
}

/* A pipe that nobody reads takes the place of each writing end: its reader hears that the last writer is gone, and
 * who writes that nobody reads. Not before both were replaced: a side that hears of it closes its own. */
void
chan_conformance_cut_fifos (ChanSession *a, ChanSession *b)
{
  GArray *fds = g_object_get_data (G_OBJECT (a), FIFOS_KEY);
  int dead[2], held[2];

  g_assert_cmpuint (fds->len, ==, 2);
  g_assert_cmpint (pipe2 (dead, O_CLOEXEC | O_NONBLOCK), ==, 0);
  close (dead[0]);
  for (guint i = 0; i < 2; i++)
    held[i] = fcntl (g_array_index (fds, int, i), F_DUPFD_CLOEXEC, 0);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (dup3 (dead[1], g_array_index (fds, int, i), O_CLOEXEC), >=, 0);
  close (dead[1]);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (close (held[i]), ==, 0);
}

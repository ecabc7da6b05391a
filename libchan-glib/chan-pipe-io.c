/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-pipe-io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "chan-error.h"

/* Two file descriptors behind the one that is polled: an epoll set. It is
 * readable when the input is and, while output waits, when that is writable. */

typedef struct
{
  ChanByteIO base; /* its fd is the epoll set */
  int input_fd, output_fd;
  int input_flags, output_flags; /* as they were: a terminal's are shared with the shell */
  gboolean output_armed;
  GIOStream *owner;
} ChanPipeIO;

static void
pipe_io_free (ChanByteIO *base)
{
  ChanPipeIO *self = (ChanPipeIO *) base;

  if (base->fd >= 0)
    close (base->fd);
  if (self->output_flags >= 0)
    (void) fcntl (self->output_fd, F_SETFL, self->output_flags);
  if (self->input_flags >= 0)
    (void) fcntl (self->input_fd, F_SETFL, self->input_flags);
  g_io_stream_close (self->owner, NULL, NULL);
  g_clear_object (&self->owner);
  chan_byte_io_clear (base);
  g_free (self);
}

static gssize
pipe_io_read (ChanByteIO *base, guint8 *buffer, gsize len, GError **error)
{
  ChanPipeIO *self = (ChanPipeIO *) base;
  gssize n;

  if (base->read_failed)
    return chan_byte_io_fail_read (base, NULL, error);
  do
    n = read (self->input_fd, buffer, len);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    return n;
  if (n == 0)
    return base->failure ? chan_byte_io_fail_read (base, NULL, error) : CHAN_BYTE_IO_EOF;
  if (errno == EAGAIN || errno == EWOULDBLOCK)
    return CHAN_BYTE_IO_AGAIN;
  base->read_failed = TRUE;
  return chan_byte_io_fail_errno (base, errno, error);
}

/* A pipe has no MSG_NOSIGNAL: SIGPIPE is blocked in this thread, and the one
 * that we caused is taken away. */
static gssize
writev_without_signal (int fd, const struct iovec *vectors, int n_vectors)
{
  const struct timespec now = { 0 };
  sigset_t pipe_set, old_set, pending;
  int saved_errno;
  gssize n;

  sigemptyset (&pipe_set);
  sigaddset (&pipe_set, SIGPIPE);
  sigpending (&pending);
  pthread_sigmask (SIG_BLOCK, &pipe_set, &old_set);
  do
    n = writev (fd, vectors, n_vectors);
  while (n < 0 && errno == EINTR);
  saved_errno = errno;
  if (n < 0 && saved_errno == EPIPE && !sigismember (&pending, SIGPIPE))
    while (sigtimedwait (&pipe_set, NULL, &now) < 0 && errno == EINTR)
      ;
  pthread_sigmask (SIG_SETMASK, &old_set, NULL);
  errno = saved_errno;
  return n;
}

/* The output is in the set only while it is waited for: a pipe without a reader
 * is ready all the time, whatever one asks for. */
static void
arm_output (ChanPipeIO *self, gboolean armed)
{
  struct epoll_event event = { .events = armed ? EPOLLOUT : 0, .data.fd = self->output_fd };
  gboolean shared = self->input_fd == self->output_fd;
  int change = shared ? EPOLL_CTL_MOD : armed ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;

  if (shared)
    event.events |= EPOLLIN;
  if (self->output_armed != armed)
    (void) epoll_ctl (self->base.fd, change, self->output_fd, &event);
  self->output_armed = armed;
  self->base.want = armed ? G_IO_OUT : 0;
}

static gssize
pipe_io_writev (ChanByteIO *base, const GOutputVector *vectors, gsize n_vectors, GError **error)
{
  ChanPipeIO *self = (ChanPipeIO *) base;
  gssize n;

  if (base->failure)
    return chan_byte_io_fail (base, NULL, error);
  n = writev_without_signal (self->output_fd, (const struct iovec *) vectors, (int) MIN (n_vectors, IOV_MAX));
  if (n >= 0)
    {
      arm_output (self, FALSE);
      return n;
    }
  if (errno != EAGAIN && errno != EWOULDBLOCK)
    {
      arm_output (self, FALSE);
      return chan_byte_io_fail_errno (base, errno, error);
    }
  arm_output (self, TRUE);
  return CHAN_BYTE_IO_AGAIN;
}

static gssize
pipe_io_shutdown (ChanByteIO *base, GError **error)
{
  ChanPipeIO *self = (ChanPipeIO *) base;

  if (base->failure)
    return chan_byte_io_fail (base, NULL, error);
  if (self->input_fd == self->output_fd)
    return 1;
  arm_output (self, FALSE);
  (void) fcntl (self->output_fd, F_SETFL, self->output_flags);
  self->output_flags = -1;
  self->base.extra_fds[1] = 0;
  /* Only closing it tells the reader of a pipe that this was all. */
  g_output_stream_close (g_io_stream_get_output_stream (self->owner), NULL, NULL);
  return 1;
}

static const ChanByteIOFuncs pipe_io_funcs = {
  .free = pipe_io_free,
  .read = pipe_io_read,
  .writev = pipe_io_writev,
  .shutdown = pipe_io_shutdown,
};

/* Can it be polled, and made non-blocking? */
static gboolean
adopt (ChanPipeIO *self, int fd, int *ret_flags)
{
  struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
  int flags = fcntl (fd, F_GETFL);

  if (flags < 0 || epoll_ctl (self->base.fd, EPOLL_CTL_ADD, fd, &event) < 0)
    return FALSE;
  if (fcntl (fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return FALSE;
  *ret_flags = flags;
  return TRUE;
}

static gboolean
adopt_both (ChanPipeIO *self)
{
  if (self->base.fd < 0 || !adopt (self, self->input_fd, &self->input_flags))
    return FALSE;
  if (self->input_fd == self->output_fd)
    return TRUE;
  return adopt (self, self->output_fd, &self->output_flags) &&
         epoll_ctl (self->base.fd, EPOLL_CTL_DEL, self->output_fd, NULL) == 0;
}

ChanByteIO *
chan_pipe_io_new (int input_fd, int output_fd, GIOStream *owner, GError **error)
{
  ChanPipeIO *self = g_new0 (ChanPipeIO, 1);

  self->base.funcs = &pipe_io_funcs;
  self->base.fd = epoll_create1 (EPOLL_CLOEXEC);
  self->input_fd = input_fd;
  self->output_fd = output_fd;
  self->base.extra_fds[0] = (guint) input_fd + 1;
  self->base.extra_fds[1] = (guint) output_fd + 1;
  self->input_flags = self->output_flags = -1;
  if (adopt_both (self))
    {
      self->owner = g_object_ref (owner);
      return &self->base;
    }
  /* EPERM: a regular file, whose reads would block. */
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED,
               "File descriptors %d and %d cannot carry a session: %s", input_fd, output_fd,
               errno == EPERM ? "they cannot be polled" : g_strerror (errno));
  if (self->input_flags >= 0)
    (void) fcntl (input_fd, F_SETFL, self->input_flags);
  if (self->base.fd >= 0)
    close (self->base.fd);
  g_free (self);
  return NULL;
}

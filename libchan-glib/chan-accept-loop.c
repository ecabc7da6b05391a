/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-accept-loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chan-accept-limit.h"
#include "chan-attendant.h"
#include "chan-fd-margin.h"
#include "chan-reactor.h"

/* Connections of one turn; then others of the attendant have theirs. */
#define ACCEPTS_PER_TURN 64
/* While file descriptors or memory are short, accepting pauses: the socket
 * stays readable, and polling it would spin. */
#define PAUSE_MIN_US (100 * 1000)
#define PAUSE_MAX_US (1000 * 1000)
#define LOG_INTERVAL_US (60 * G_USEC_PER_SEC)

struct _ChanAcceptLoop
{
  gatomicrefcount ref_count;
  ChanReactor *reactor;  /* its lock guards everything below */
  ChanAcceptLimit limit;
  ChanAcceptFunc incoming;
  gpointer data;
  GDestroyNotify data_free;
  int fd;                /* -1: stopped */
  int reserve_fd;        /* given up for a moment to accept and close what waits */
  gint64 resume_at;      /* 0: not pausing */
  gint64 pause_us;       /* of the next pause */
  gint64 logged_at;
  GThread *caller;       /* is in incoming() */
  GCond called;          /* caller became NULL */
};

typedef struct
{
  ChanAcceptLoop *loop; /* a reference */
  ChanAcceptPeer *peer;
  int fd;
} Incoming;

/**
 * chan_accept_loop_ref: (skip)
 * @self: a loop
 *
 * Adds a reference. Any thread.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
ChanAcceptLoop *
chan_accept_loop_ref (ChanAcceptLoop *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * chan_accept_loop_unref:
 * @self: (transfer full): a loop
 *
 * Drops a reference. Before the last one the loop must have been stopped, with
 * [method@Chan.AcceptLoop.stop]. Any thread.
 *
 * Since: 0.1
 */
void
chan_accept_loop_unref (ChanAcceptLoop *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_assert (self->fd < 0);
  chan_reactor_unref (self->reactor);
  chan_accept_limit_clear (&self->limit);
  g_cond_clear (&self->called);
  g_free (self);
}

static int
open_reserve (void)
{
  return open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
loop_log (ChanAcceptLoop *self, const char *what)
{
  gint64 now = g_get_monotonic_time ();

  if (self->logged_at != 0 && now - self->logged_at < LOG_INTERVAL_US)
    return;
  self->logged_at = now;
  g_message ("libchan-glib: connections are turned away: %s", what);
}

/* FALSE: it was stopped meanwhile. */
static gboolean
begin_call (ChanAcceptLoop *self, ChanAcceptPeer *peer)
{
  gboolean wanted;
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (self->reactor);
  wanted = self->fd >= 0;
  if (wanted)
    self->caller = g_thread_self ();
  else
    chan_accept_limit_remove (&self->limit, peer);
  chan_reactor_unlock (self->reactor, &later);
  return wanted;
}

static void
end_call (ChanAcceptLoop *self)
{
  GDestroyNotify data_free = NULL;
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (self->reactor);
  self->caller = NULL;
  g_cond_broadcast (&self->called);
  /* It was stopped inside the call, when the data was in use. */
  if (self->fd < 0)
    data_free = g_steal_pointer (&self->data_free);
  chan_reactor_unlock (self->reactor, &later);
  if (data_free != NULL)
    data_free (self->data);
}

/* No lock held. */
static void
incoming_run (gpointer data)
{
  Incoming *item = data;

  if (begin_call (item->loop, item->peer))
    {
      item->loop->incoming (item->loop, item->fd, item->peer, item->loop->data);
      end_call (item->loop);
    }
  else
    close (item->fd);
  chan_accept_loop_unref (item->loop);
  g_free (item);
}

static void
loop_incoming (ChanAcceptLoop *self, int fd, ChanLater *later)
{
  ChanAcceptPeer *peer = chan_accept_limit_add (&self->limit, fd);
  Incoming *item;

  if (peer == NULL)
    {
      close (fd);
      loop_log (self, "there are too many sessions, in all or of one peer");
      return;
    }
  item = g_new (Incoming, 1);
  item->loop = chan_accept_loop_ref (self);
  item->peer = peer;
  item->fd = fd;
  chan_later_add (later, incoming_run, item);
}

/* Those who wait are told at once, rather than left to wait for a timeout. */
static void
turn_away (ChanAcceptLoop *self)
{
  if (self->reserve_fd < 0)
    return;
  close (self->reserve_fd);
  for (guint i = 0; i < ACCEPTS_PER_TURN; i++)
    {
      int fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

      if (fd < 0)
        break;
      close (fd);
    }
  self->reserve_fd = open_reserve ();
}

static void
loop_pause (ChanAcceptLoop *self, int saved_errno, ChanLater *later)
{
  loop_log (self, g_strerror (saved_errno));
  /* There was none when it was given up the last time. */
  if (self->reserve_fd < 0)
    self->reserve_fd = open_reserve ();
  if (saved_errno == EMFILE || saved_errno == ENFILE)
    turn_away (self);
  self->resume_at = g_get_monotonic_time () + self->pause_us;
  self->pause_us = MIN (self->pause_us * 2, PAUSE_MAX_US);
  chan_reactor_set_poll (self->reactor, 0, self->resume_at, later);
}

/* Errors of one connection, which has come and gone. */
static gboolean
is_of_connection (int code)
{
  switch (code)
    {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case ENONET:
    case EOPNOTSUPP:
      return TRUE;
    default:
      return FALSE;
    }
}

static void
loop_service (gpointer owner, GIOCondition ready, ChanLater *later)
{
  ChanAcceptLoop *self = owner;

  if (self->fd < 0 || g_get_monotonic_time () < self->resume_at)
    return;
  for (guint i = 0; i < ACCEPTS_PER_TURN; i++)
    {
      int fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

      /* The others that wait are told so too, as if there were none. */
      if (fd >= 0 && chan_fd_is_of_margin (fd))
        {
          close (fd);
          loop_pause (self, EMFILE, later);
          return;
        }
      if (fd >= 0)
        {
          self->pause_us = PAUSE_MIN_US;
          loop_incoming (self, fd, later);
          continue;
        }
      if (is_of_connection (errno))
        continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK)
        {
          loop_pause (self, errno, later);
          return;
        }
      break;
    }
  self->resume_at = 0;
  chan_reactor_set_poll (self->reactor, G_IO_IN, G_MAXINT64, later);
}

static void
loop_flush (gpointer owner, ChanLater *later)
{
  /* There is no output. */
}

static const ChanReactorFuncs loop_funcs = { loop_service, loop_flush };

/**
 * chan_accept_loop_new: (skip)
 * @fd: a socket that listens; it becomes the loop's
 * @options: the limits (`max-sessions`, `max-sessions-per-peer`); read now
 * @incoming: takes each connection
 * @data: for @incoming
 * @data_free: (nullable): frees @data, when no call will come any more
 *
 * Starts to accept connections, in a thread of the library. It goes on until
 * [method@Chan.AcceptLoop.stop].
 *
 * Returns: (transfer full): the loop
 *
 * Since: 0.1
 */
ChanAcceptLoop *
chan_accept_loop_new (int fd, ChanOptions *options, ChanAcceptFunc incoming, gpointer data, GDestroyNotify data_free)
{
  ChanAcceptLoop *self;
  ChanLater later;

  g_return_val_if_fail (fd >= 0 && CHAN_IS_OPTIONS (options) && incoming != NULL, NULL);

  self = g_new0 (ChanAcceptLoop, 1);
  g_atomic_ref_count_init (&self->ref_count);
  g_cond_init (&self->called);
  chan_accept_limit_init (&self->limit, options);
  self->incoming = incoming;
  self->data = data;
  self->data_free = data_free;
  self->fd = fd;
  self->reserve_fd = open_reserve ();
  self->pause_us = PAUSE_MIN_US;
  self->reactor = chan_reactor_new (&loop_funcs, self, fd);
  self->reactor->accepts = TRUE;
  chan_later_init (&later);
  chan_reactor_lock (self->reactor);
  chan_attendant_note (self->reactor, TRUE, &later);
  chan_reactor_unlock (self->reactor, &later);
  return self;
}

/**
 * chan_accept_loop_stop:
 * @self: a loop
 *
 * Accepts nothing any more and closes the socket. No call comes after this
 * returned; one that is running in another thread is waited for. So it must not
 * be called under a lock that the loop's function takes; else from any thread,
 * any number of times, also in that function.
 *
 * Since: 0.1
 */
void
chan_accept_loop_stop (ChanAcceptLoop *self)
{
  GDestroyNotify data_free;
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (self->reactor);
  if (self->fd >= 0)
    {
      chan_reactor_close (self->reactor, &later);
      self->reactor->owner = NULL;
      close (self->fd);
      self->fd = -1;
      if (self->reserve_fd >= 0)
        close (self->reserve_fd);
    }
  while (self->caller != NULL && self->caller != g_thread_self ())
    g_cond_wait (&self->called, &self->reactor->lock);
  data_free = self->caller == NULL ? g_steal_pointer (&self->data_free) : NULL;
  chan_reactor_unlock (self->reactor, &later);
  if (data_free != NULL)
    data_free (self->data);
}

/**
 * chan_accept_loop_session_ended:
 * @self: a loop
 * @peer: (transfer full): from the loop's function
 *
 * The connection came to nothing, or its session is over: it does not count any
 * more. Any thread.
 *
 * Since: 0.1
 */
void
chan_accept_loop_session_ended (ChanAcceptLoop *self, ChanAcceptPeer *peer)
{
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (self->reactor);
  chan_accept_limit_remove (&self->limit, peer);
  chan_reactor_unlock (self->reactor, &later);
}

typedef struct
{
  ChanAcceptLoop *loop; /* a reference */
  ChanAcceptPeer *peer;
} Living;

static void
link_disposed (gpointer data, GObject *link)
{
  Living *living = data;

  chan_accept_loop_session_ended (living->loop, living->peer);
  chan_accept_loop_unref (living->loop);
  g_free (living);
}

/**
 * chan_accept_loop_session_lives:
 * @self: a loop
 * @peer: (transfer full): from the loop's function
 * @link: the link over that connection
 *
 * The connection became a session, which counts until @link is disposed of. Any
 * thread.
 *
 * Since: 0.1
 */
void
chan_accept_loop_session_lives (ChanAcceptLoop *self, ChanAcceptPeer *peer, GObject *link)
{
  Living *living = g_new (Living, 1);

  living->loop = chan_accept_loop_ref (self);
  living->peer = peer;
  g_object_weak_ref (link, link_disposed, living);
}

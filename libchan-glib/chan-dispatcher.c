/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dispatcher.h"

#include "chan-reactor.h"

typedef struct
{
  GSource source;
  ChanPoller *poller;
  gpointer tag;
} ChanDispatcherSource;

static GMutex contexts_lock; /* a context's own lock and a poller's may be taken under it, and nothing else. Guards: */
static GHashTable *contexts; /* GMainContext -> ChanPoller, borrowed: the source holds them */

static __thread ChanPoller *running;
static __thread GMainContext *running_context;

/* Another thread may have dropped the context since: then it is nobody's turn. */
ChanPoller *
chan_dispatcher_get_running (void)
{
  if (running == NULL)
    return NULL;
  g_mutex_lock (&contexts_lock);
  if (g_hash_table_lookup (contexts, running_context) != running)
    running = NULL;
  g_mutex_unlock (&contexts_lock);
  return running;
}

gboolean
chan_dispatcher_put_off (ChanReactor *reactor)
{
  if (running == NULL)
    return FALSE;
  g_mutex_lock (&contexts_lock);
  if (g_hash_table_lookup (contexts, running_context) != running)
    running = NULL;
  else
    chan_poller_put_off (running, reactor);
  g_mutex_unlock (&contexts_lock);
  return running != NULL;
}

static gboolean
dispatcher_prepare (GSource *source, int *timeout)
{
  ChanPoller *poller = ((ChanDispatcherSource *) source)->poller;
  gint64 deadline;

  if (poller->to_flush->len > 0)
    chan_poller_flush (poller);
  running = NULL;
  *timeout = -1;
  if (chan_poller_has_queue (poller))
    return TRUE;
  deadline = chan_poller_get_deadline (poller);
  if (deadline != G_MAXINT64)
    {
      gint64 now = g_source_get_time (source);

      if (deadline <= now)
        return TRUE;
      *timeout = (int) MIN ((deadline - now) / 1000 + 1, G_MAXINT);
    }
  return FALSE;
}

static gboolean
dispatcher_check (GSource *source)
{
  ChanDispatcherSource *self = (ChanDispatcherSource *) source;

  /* From here to the next prepare() this thread belongs to the main context's callbacks. */
  running = self->poller;
  running_context = g_source_get_context (source);
  return g_source_query_unix_fd (source, self->tag) != 0 || chan_poller_has_queue (self->poller) ||
         chan_poller_get_deadline (self->poller) <= g_source_get_time (source);
}

static gboolean
dispatcher_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  ChanPoller *poller = ((ChanDispatcherSource *) source)->poller;

  running = poller;
  running_context = g_source_get_context (source);
  chan_poller_service (poller, 0);
  chan_poller_run (poller);
  return G_SOURCE_CONTINUE;
}

/* The context goes: what it served is served by others. */
static void
dispatcher_release_reactors (ChanPoller *poller)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) chan_reactor_unref);
  GHashTableIter iter;
  gpointer reactor;

  g_mutex_lock (&poller->lock);
  g_hash_table_iter_init (&iter, poller->reactors);
  while (g_hash_table_iter_next (&iter, &reactor, NULL))
    g_ptr_array_add (all, chan_reactor_ref (reactor));
  g_mutex_unlock (&poller->lock);
  for (guint i = 0; i < all->len; i++)
    chan_reactor_leave_poller (all->pdata[i], poller);
}

/* Of the source's callback: comes while the context is still there, which finalize() does not. */
static void
dispatcher_forget_context (gpointer data)
{
  ChanPoller *poller = data;

  g_mutex_lock (&contexts_lock);
  g_hash_table_remove (contexts, poller->context);
  g_atomic_pointer_set (&poller->context, NULL);
  g_mutex_unlock (&contexts_lock);
}

static gboolean
dispatcher_never_called (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static void
dispatcher_finalize (GSource *source)
{
  ChanPoller *poller = ((ChanDispatcherSource *) source)->poller;

  if (running == poller)
    running = NULL;
  chan_poller_flush (poller);
  dispatcher_release_reactors (poller);
  chan_poller_unref (poller);
}

static GSourceFuncs dispatcher_funcs = {
  .prepare = dispatcher_prepare,
  .check = dispatcher_check,
  .dispatch = dispatcher_dispatch,
  .finalize = dispatcher_finalize,
};

/* The context itself is not touched: it may be on its way to be freed. Nor need
 * it be, by a callback of its own. */
static void
dispatcher_wake (ChanPoller *poller)
{
  gboolean own = FALSE;

  if (running == poller)
    {
      g_mutex_lock (&contexts_lock);
      own = poller->context != NULL && g_main_context_is_owner (poller->context);
      g_mutex_unlock (&contexts_lock);
    }
  if (!own)
    chan_poller_ring (poller);
}

static ChanPoller *
dispatcher_attach (GMainContext *context)
{
  GSource *source = g_source_new (&dispatcher_funcs, sizeof (ChanDispatcherSource));
  ChanDispatcherSource *self = (ChanDispatcherSource *) source;

  self->poller = chan_poller_new (dispatcher_wake);
  chan_poller_add_wake_fd (self->poller);
  self->poller->context = context;
  g_source_set_callback (source, dispatcher_never_called, self->poller, dispatcher_forget_context);
  self->tag = g_source_add_unix_fd (source, self->poller->epoll_fd, G_IO_IN);
  g_source_set_can_recurse (source, TRUE);
  g_source_set_static_name (source, "libchan-glib");
  g_source_attach (source, context);
  g_source_unref (source);
  return self->poller;
}

ChanPoller *
chan_dispatcher_ref_for_context (GMainContext *context)
{
  ChanPoller *poller;

  if (context == NULL)
    context = g_main_context_default ();
  g_mutex_lock (&contexts_lock);
  if (contexts == NULL)
    contexts = g_hash_table_new (NULL, NULL);
  poller = g_hash_table_lookup (contexts, context);
  if (poller == NULL)
    {
      poller = dispatcher_attach (context);
      g_hash_table_insert (contexts, context, poller);
    }
  chan_poller_ref (poller);
  g_mutex_unlock (&contexts_lock);
  return poller;
}

ChanPoller *
chan_dispatcher_ref_default (void)
{
  return chan_dispatcher_ref_for_context (g_main_context_get_thread_default ());
}

ChanPoller *
chan_dispatcher_ref_held_up (void)
{
  GMainContext *context = g_main_context_get_thread_default ();
  ChanPoller *poller = chan_dispatcher_get_running ();

  if (poller != NULL)
    return chan_poller_ref (poller);
  /* The default one is everybody's: only its owner holds it up. */
  if (context == NULL)
    {
      context = g_main_context_default ();
      if (!g_main_context_is_owner (context))
        return NULL;
    }
  g_mutex_lock (&contexts_lock);
  poller = contexts != NULL ? g_hash_table_lookup (contexts, context) : NULL;
  if (poller != NULL)
    chan_poller_ref (poller);
  g_mutex_unlock (&contexts_lock);
  return poller;
}

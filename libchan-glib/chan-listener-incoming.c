/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-listener-private.h"

#include "chan-session-private.h"

/* From a link that came in to whoever asked for sessions. */

#define ASKED_KEY "chan-listener-asked"
/* When it is looked whether somebody is connected to the signals, while sessions are there that nobody took: soon, and
 * then ever less often, for a program that has none is not to be woken for ever */
#define EARLY_MIN_US 10000
#define EARLY_MAX_US (2 * G_USEC_PER_SEC)

typedef struct
{
  ChanListener *listener; /* a reference */
  ChanSessionCore *core;  /* a reference */
  ChanSession *session;
  gboolean failed;
} Incoming;

/* Looks whether somebody wants them now. */
typedef struct
{
  GSource source;
  GWeakRef listener;
  gint64 pause_us;
} EarlySource;

/* Under the lock. Is there a session in `accepts` that nobody waits for? */
static gboolean
has_unclaimed (ChanListener *self)
{
  return self->accepts->n_items > self->accepts->n_reserved;
}

static void
incoming_free (gpointer data)
{
  Incoming *self = data;

  g_clear_object (&self->session);
  g_clear_pointer (&self->core, chan_session_core_unref);
  g_object_unref (self->listener);
  g_free (self);
}

static gboolean
has_handler (ChanListener *self, guint which)
{
  return g_signal_has_handler_pending (self, chan_listener_signals[which], 0, FALSE);
}

/* --- those that came before anybody was connected to the signals --- */

/* A handler can be connected at any time, and nobody tells of it. */
static gboolean
early_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  EarlySource *early = (EarlySource *) source;
  g_autoptr (ChanListener) self = g_weak_ref_get (&early->listener);
  gboolean go_on;
  ChanLater later;

  if (self == NULL)
    return G_SOURCE_REMOVE;
  chan_listener_offer_early (self);
  chan_later_init (&later);
  chan_pipe_lock (self->accepts);
  go_on = self->early == source && has_unclaimed (self);
  if (go_on)
    g_source_set_ready_time (source, g_source_get_time (source) + early->pause_us);
  else if (self->early == source)
    chan_listener_forget_early (self);
  chan_pipe_unlock (self->accepts, &later);
  early->pause_us = MIN (2 * early->pause_us, EARLY_MAX_US);
  return go_on;
}

static void
early_finalize (GSource *source)
{
  g_weak_ref_clear (&((EarlySource *) source)->listener);
}

/* Under the lock. Weak: a program that only blocks never iterates the context. */
static void
early_watch (ChanListener *self)
{
  static GSourceFuncs functions = { NULL, NULL, early_dispatch, early_finalize, NULL, NULL };

  if (self->early != NULL || !has_unclaimed (self))
    return;
  self->early = g_source_new (&functions, sizeof (EarlySource));
  g_weak_ref_init (&((EarlySource *) self->early)->listener, self);
  ((EarlySource *) self->early)->pause_us = EARLY_MIN_US;
  g_source_set_static_name (self->early, "libchan-glib early sessions");
  g_source_set_ready_time (self->early, 0);
  g_source_attach (self->early, self->context);
}

void
chan_listener_forget_early (ChanListener *self)
{
  if (self->early != NULL)
    g_source_destroy (self->early);
  g_clear_pointer (&self->early, g_source_unref);
}

void
chan_listener_adopt (ChanListener *self, GMainContext *context)
{
  GMainContext *old;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->accepts);
  old = self->context;
  self->context = context != NULL ? g_main_context_ref (context) : NULL;
  chan_listener_forget_early (self);
  early_watch (self);
  chan_pipe_unlock (self->accepts, &later);
  g_clear_pointer (&old, g_main_context_unref);
}

/* Under the lock */
static void
incoming_push (Incoming *self, ChanLater *later)
{
  chan_pipe_push (self->listener->accepts, g_steal_pointer (&self->session), 0, later);
  early_watch (self->listener);
}

static gboolean
has_any_handler (ChanListener *self)
{
  return has_handler (self, CHAN_LISTENER_AUTHORIZE) || has_handler (self, CHAN_LISTENER_INCOMING);
}

static gboolean
incoming_emit (gpointer data)
{
  Incoming *self = data;
  gboolean allowed = TRUE;
  ChanLater later;

  if (has_handler (self->listener, CHAN_LISTENER_AUTHORIZE) && g_object_get_data (G_OBJECT (self->session), ASKED_KEY) == NULL)
    {
      g_object_set_data (G_OBJECT (self->session), ASKED_KEY, self->listener);
      g_signal_emit (self->listener, chan_listener_signals[CHAN_LISTENER_AUTHORIZE], 0, self->session, &allowed);
    }
  if (!allowed)
    chan_session_abort (self->session);
  else if (has_handler (self->listener, CHAN_LISTENER_INCOMING))
    {
      chan_session_adopt (self->session);
      g_signal_emit (self->listener, chan_listener_signals[CHAN_LISTENER_INCOMING], 0, self->session);
    }
  else
    {
      chan_later_init (&later);
      chan_pipe_lock (self->listener->accepts);
      incoming_push (self, &later);
      chan_pipe_unlock (self->listener->accepts, &later);
    }
  return G_SOURCE_REMOVE;
}

/* To be asked about and told, in the listener's context. Under the lock. Takes it. */
static void
incoming_attach (Incoming *self)
{
  GSource *source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (source, "libchan-glib incoming");
  g_source_set_callback (source, incoming_emit, self, incoming_free);
  g_source_attach (source, self->listener->context);
  g_source_unref (source);
}

void
chan_listener_offer_early (ChanListener *self)
{
  gboolean told = has_handler (self, CHAN_LISTENER_INCOMING);
  g_autoptr (GPtrArray) settled = g_ptr_array_new ();
  ChanLater later;

  if (!told && !has_handler (self, CHAN_LISTENER_AUTHORIZE))
    return;
  chan_later_init (&later);
  chan_pipe_lock (self->accepts);
  while (has_unclaimed (self))
    {
      gpointer session = NULL;
      Incoming *incoming;

      chan_pipe_take (self->accepts, FALSE, &session, &later, NULL);
      if (!told && g_object_get_data (session, ASKED_KEY) != NULL)
        {
          g_ptr_array_add (settled, session);
          continue;
        }
      incoming = g_new0 (Incoming, 1);
      incoming->listener = g_object_ref (self);
      incoming->session = session;
      incoming_attach (incoming);
    }
  for (guint i = settled->len; i > 0; i--)
    chan_pipe_unget (self->accepts, settled->pdata[i - 1], &later);
  chan_pipe_unlock (self->accepts, &later);
}

/* Takes it. */
static void
incoming_offer (Incoming *self)
{
  g_autoptr (ChanListener) listener = g_object_ref (self->listener);
  gboolean handled;
  ChanLater later;

  /* Those that came before come first. */
  chan_listener_offer_early (listener);
  chan_later_init (&later);
  chan_pipe_lock (listener->accepts);
  /* Asked under the lock: whoever connects a handler, and then accepts, finds it here or is asked. */
  handled = has_any_handler (listener);
  if (handled)
    incoming_attach (self);
  else
    incoming_push (self, &later);
  chan_pipe_unlock (listener->accepts, &later);
  if (!handled)
    incoming_free (self);
}

static void
incoming_ready (gpointer data)
{
  Incoming *self = data;

  if (self->failed)
    {
      incoming_free (self);
      return;
    }
  self->session = chan_session_new_for_core (g_steal_pointer (&self->core), chan_listener_get_uri (self->listener));
  incoming_offer (self);
}

/* Under the session's lock. */
static void
on_ready (gpointer data, const GError *error, ChanLater *later)
{
  Incoming *self = data;

  if (error != NULL)
    g_debug ("%s: an incoming session failed: %s", self->listener->uri, error->message);
  self->failed = error != NULL;
  chan_later_add (later, incoming_ready, self);
}

/**
 * chan_listener_deliver_link:
 * @self: a listener
 * @link: a link that came in; need not be ready
 *
 * For transports: offers a link. Any thread.
 *
 * Since: 0.1
 */
void
chan_listener_deliver_link (ChanListener *self, ChanLink *link)
{
  Incoming *incoming;
  ChanSessionCore *core;

  g_return_if_fail (CHAN_IS_LISTENER (self) && CHAN_IS_LINK (link));

  incoming = g_new0 (Incoming, 1);
  incoming->listener = g_object_ref (self);
  core = incoming->core = chan_session_core_new (link, CHAN_SESSION_SERVER, self->options);
  chan_session_core_ref (core);
  core->on_ready = on_ready;
  core->on_ready_data = incoming;
  chan_session_core_start (core);
  chan_session_core_unref (core);
}

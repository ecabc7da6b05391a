/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-thread.h"

static GMainContext *context;
static GThread *thread;

typedef struct
{
  ChanDBusFunc func;
  gpointer data;
} Call;

static gpointer
thread_main (gpointer data)
{
  g_main_context_push_thread_default (context);
  for (;;)
    g_main_context_iteration (context, TRUE);
  return NULL;
}

static GMainContext *
ensure (void)
{
  static gsize once = 0;

  if (g_once_init_enter (&once))
    {
      context = g_main_context_new ();
      thread = g_thread_new ("chan-dbus", thread_main, NULL);
      g_once_init_leave (&once, 1);
    }
  return context;
}

static gboolean
run (gpointer data)
{
  Call *call = data;

  call->func (call->data);
  return G_SOURCE_REMOVE;
}

static void
attach (GSource *source, ChanDBusFunc func, gpointer data)
{
  Call *call = g_new (Call, 1);

  *call = (Call) { func, data };
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (source, "libchan-dbus call");
  g_source_set_callback (source, run, call, g_free);
  g_source_attach (source, ensure ());
}

void
chan_dbus_thread_call (ChanDBusFunc func, gpointer data)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  attach (source, func, data);
}

GSource *
chan_dbus_thread_call_after (guint ms, ChanDBusFunc func, gpointer data)
{
  GSource *source = g_timeout_source_new (ms);

  attach (source, func, data);
  return source;
}

gboolean
chan_dbus_thread_is_current (void)
{
  return g_thread_self () == thread;
}

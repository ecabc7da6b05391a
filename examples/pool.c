/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pool of workers. A worker registers itself on a channel `workers`, with
 * {Name, Jobs}: the channel on which it takes jobs. A job comes on any channel
 * `jobs`, and goes, with all that is in it, to one of the workers; the
 * channel for its answer leads from there to whoever asked, not through here. */
#include "example.h"

typedef struct
{
  ChanSender *queue;          /* jobs of all clients; when it is full, they wait */
  ChanReceiver *queued;
  ChanSender *registry;       /* messages of all workers that come */
  ChanReceiver *registered;
  GPtrArray *workers;         /* ChanSender: takes jobs when its worker is free */
  ChanMessage *job;           /* that a worker is sought for */
  ChanSelector *selector;     /* case 0: registered; the others: as in workers */
} Pool;

/* --- from the channels into the two queues ---------------------------------------- */

typedef struct
{
  ChanReceiver *from;
  ChanSender *to;
} Way;

static void
way_free (Way *self)
{
  g_object_unref (self->from);
  g_object_unref (self->to);
  g_free (self);
}

static void message_cb (GObject *object, GAsyncResult *result, gpointer data);

static void
forwarded_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Way *way = data;
  g_autoptr (GError) error = NULL;

  if (!chan_sender_send_finish (CHAN_SENDER (object), result, &error))
    g_debug ("a message was not taken: %s", error->message);
  chan_receiver_receive_async (way->from, G_PRIORITY_DEFAULT, NULL, message_cb, way);
}

static void
message_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Way *way = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_receiver_receive_finish (way->from, result, &error);

  if (message != NULL)
    {
      chan_sender_send_async (way->to, message, G_PRIORITY_DEFAULT, NULL, forwarded_cb, way);
      return;
    }
  if (error != NULL)
    g_debug ("a channel ended: %s", error->message);
  way_free (way);
}

static void
serve (ChanReceiver *channel, gpointer data)
{
  Pool *pool = data;
  Way *way = g_new (Way, 1);

  way->from = g_object_ref (channel);
  way->to = g_object_ref (g_strcmp0 (chan_receiver_get_name (channel), "workers") == 0 ? pool->registry : pool->queue);
  chan_receiver_receive_async (channel, G_PRIORITY_DEFAULT, NULL, message_cb, way);
}

/* --- from the queue to a worker --------------------------------------------------- */

static void job_cb (GObject *object, GAsyncResult *result, gpointer data);
static void dispatched_cb (GObject *object, GAsyncResult *result, gpointer data);

static void
pool_next (Pool *self)
{
  chan_receiver_receive_async (self->queued, G_PRIORITY_DEFAULT, NULL, job_cb, self);
}

/* Offers the job to all workers; the first that can take it gets it, the others
 * never see it. */
static void
pool_dispatch (Pool *self)
{
  self->selector = chan_selector_new ();
  chan_selector_add_receiver (self->selector, self->registered);
  for (guint i = 0; i < self->workers->len; i++)
    chan_selector_add_sender (self->selector, g_ptr_array_index (self->workers, i), self->job);
  chan_selector_wait_async (self->selector, G_PRIORITY_DEFAULT, NULL, dispatched_cb, self);
}

/* One that was out already cannot be called back, and may have been done: whoever asked hears how it ended from the
 * channel for the answer, which went with it. */
static gboolean
pool_job_is_gone (Pool *self)
{
  return chan_message_lookup_handle (self->job, "Reply") == NULL;
}

static void
pool_next_job (Pool *self)
{
  g_clear_pointer (&self->job, chan_message_unref);
  pool_next (self);
}

static void
pool_add_worker (Pool *self, ChanMessage *message)
{
  GObject *jobs = chan_message_lookup_handle (message, "Jobs");

  if (CHAN_IS_SENDER (jobs))
    g_ptr_array_add (self->workers, g_object_ref (jobs));
}

static void
dispatched_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Pool *self = data;
  g_autoptr (ChanSelector) selector = g_steal_pointer (&self->selector);
  g_autoptr (GError) error = NULL;
  int index = chan_selector_wait_finish (selector, result, &error);
  g_autoptr (ChanMessage) message = index >= 0 ? chan_selector_steal_message (selector, &error) : NULL;

  if (index == 0 && message != NULL)
    pool_add_worker (self, message);
  else if (index > 0 && error == NULL)
    {
      /* A new selector begins with its first case: who had the last job is asked last. */
      g_ptr_array_add (self->workers, g_ptr_array_steal_index (self->workers, (guint) index - 1));
      pool_next_job (self);
      return;
    }
  else if (index > 0)
    {
      g_debug ("a worker is gone: %s", error->message);
      g_ptr_array_remove_index (self->workers, (guint) index - 1);
      if (pool_job_is_gone (self))
        {
          pool_next_job (self);
          return;
        }
    }
  pool_dispatch (self);
}

static void
job_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Pool *self = data;
  g_autoptr (GError) error = NULL;

  self->job = chan_receiver_receive_finish (self->queued, result, &error);
  if (self->job != NULL)
    pool_dispatch (self);
}

int
main (int argc, char **argv)
{
  char **arguments = example_arguments (argc, argv, "URI|@NAME",
    "Gives jobs to workers. Its first line of output is the URI at which it really listens.", 1);
  Pool pool = { .workers = g_ptr_array_new_with_free_func (g_object_unref) };

  chan_pipe_new (16, &pool.queue, &pool.queued);
  chan_pipe_new (16, &pool.registry, &pool.registered);
  pool_next (&pool);
  return example_serve (arguments[0], serve, &pool);
}

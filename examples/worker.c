/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A worker of a pool: it registers itself with the channel on which it takes
 * jobs, and answers each on the channel that came with it, which leads to
 * whoever asked. Ends when the pool does. */
#include "example.h"

typedef struct
{
  GMainLoop *loop;
  ChanReceiver *jobs;
  const char *name;
  int status;
} Worker;

static void job_cb (GObject *object, GAsyncResult *result, gpointer data);

static void
worker_wait (Worker *self)
{
  chan_receiver_receive_async (self->jobs, G_PRIORITY_DEFAULT, NULL, job_cb, self);
}

static void
answered_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  ChanSender *reply = CHAN_SENDER (object);
  g_autoptr (GError) error = NULL;

  if (!chan_sender_send_finish (reply, result, &error))
    g_debug ("nobody waits for it any more: %s", error->message);
  chan_sender_close (reply);
  worker_wait (data);
}

static void
worker_do (Worker *self, ChanMessage *job)
{
  GObject *reply = chan_message_lookup_handle (job, "Reply");
  g_autoptr (ChanMessage) answer = NULL;
  gint64 number;

  if (!CHAN_IS_SENDER (reply) || !example_lookup_int64 (job, "Number", &number))
    {
      worker_wait (self);
      return;
    }
  /* Of a number that is too large, what is left of its square is the answer. */
  answer = chan_message_new (g_variant_new_parsed ("{'Number': <%x>, 'Square': <%x>, 'Worker': <%s>}", number,
                                                   (gint64) ((guint64) number * (guint64) number), self->name));
  chan_sender_send_async (CHAN_SENDER (reply), answer, G_PRIORITY_DEFAULT, NULL, answered_cb, self);
}

static void
job_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Worker *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) job = chan_receiver_receive_finish (CHAN_RECEIVER (object), result, &error);

  if (job != NULL)
    {
      worker_do (self, job);
      return;
    }
  if (error != NULL)
    self->status = example_failed (error);
  g_main_loop_quit (self->loop);
}

static void
registered_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  Worker *self = data;
  g_autoptr (GError) error = NULL;

  if (chan_sender_send_finish (CHAN_SENDER (object), result, &error))
    {
      worker_wait (self);
      return;
    }
  self->status = example_failed (error);
  g_main_loop_quit (self->loop);
}

static int
work (const char *uri, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = chan_connect (uri, NULL, &error);
  g_autoptr (ChanSender) pool = session != NULL ? chan_session_open_channel (session, "workers", &error) : NULL;
  g_autoptr (GMainLoop) loop = example_loop_new ();
  g_autoptr (ChanSender) jobs_for_me = NULL;
  g_autoptr (ChanReceiver) jobs = NULL;
  g_autoptr (ChanMessage) me = NULL;
  Worker self = { .loop = loop, .name = name };

  if (pool == NULL)
    return example_failed (error);
  /* Without a queue: a job that waits here could be done by another worker. */
  chan_pipe_new (0, &jobs_for_me, &jobs);
  self.jobs = jobs;
  me = chan_message_new_with_handles (g_variant_new_parsed ("{'Name': <%s>, 'Jobs': <handle 0>}", name),
                                      (GObject *[]) { G_OBJECT (jobs_for_me) }, 1);
  chan_sender_send_async (pool, me, G_PRIORITY_DEFAULT, NULL, registered_cb, &self);
  g_main_loop_run (loop);
  return self.status;
}

int
main (int argc, char **argv)
{
  char **arguments = example_arguments (argc, argv, "URI|@NAME WORKER-NAME", "A worker of a pool: squares the numbers that come as jobs.", 2);

  return work (arguments[0], arguments[1]);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-sender.h"

#include "chan-error.h"
#include "chan-message.h"
#include "chan-pipe.h"
#include "chan-receiver.h"

/* A request carries the channel for its answer: the idiom that channels in
 * messages are there for, in one call. */

/* The same message with one more handle, under `key`. */
static ChanMessage *
add_reply (ChanMessage *message, const char *key, ChanSender *reply, GError **error)
{
  GVariant *body = chan_message_get_body (message);
  guint n = chan_message_get_n_handles (message);
  g_autofree GObject **handles = g_new (GObject *, n + 1);
  GVariantDict dict;

  if (!g_variant_is_of_type (body, G_VARIANT_TYPE_VARDICT))
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED,
                   "A request is a dictionary (a{sv}), not a value of type %s", g_variant_get_type_string (body));
      return NULL;
    }
  for (guint i = 0; i < n; i++)
    if ((handles[i] = chan_message_get_handle (message, i)) == NULL)
      {
        g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED, "Handle %u of the request is gone", i);
        return NULL;
      }
  handles[n] = G_OBJECT (reply);
  g_variant_dict_init (&dict, body);
  g_variant_dict_insert (&dict, key, "h", (gint32) n);
  return chan_message_new_with_handles (g_variant_dict_end (&dict), handles, n + 1);
}

/* It was sent, by another message: its handles are gone from it, too. */
static void
drop_handles (ChanMessage *message)
{
  for (guint i = 0; i < chan_message_get_n_handles (message); i++)
    {
      g_autoptr (GObject) moved = chan_message_steal_handle (message, i);
    }
}

static ChanMessage *
no_answer (GError **error)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "The request was not answered: its return channel was closed");
  return NULL;
}

/**
 * chan_sender_request:
 * @self: a sender
 * @message: the request: a dictionary (`a{sv}`), with or without handles
 * @reply_key: the key under which the receiver expects the channel for its answer
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Sends a request and waits for its answer: makes a channel, puts the sending
 * end into the message under @reply_key, sends it, and receives one message.
 *
 * When the call is cancelled, the return channel is closed, so that the one
 * who works on the answer sees `peer-closed`. Handles of @message are moved if
 * the request was sent, whether it is answered or not.
 *
 * Returns: (transfer full): the answer, or %NULL on error
 *   (%CHAN_CHANNEL_ERROR_CLOSED if the return channel was closed without one)
 *
 * Since: 0.1
 */
ChanMessage *
chan_sender_request (ChanSender *self, ChanMessage *message, const char *reply_key, GCancellable *cancellable, GError **error)
{
  return chan_sender_request_until (self, message, reply_key, 0, cancellable, error);
}

/**
 * chan_sender_request_until:
 * @self: a sender
 * @message: the request: a dictionary (`a{sv}`), with or without handles
 * @reply_key: the key under which the receiver expects the channel for its answer
 * @deadline: monotonic time in microseconds at which to give up, or 0 for never
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Like [method@Chan.Sender.request], with a deadline for sending and answering
 * together: when it passes, the return channel is closed and the call fails
 * with %G_IO_ERROR_TIMED_OUT.
 *
 * Returns: (transfer full): the answer, or %NULL on error
 *
 * Since: 0.1
 */
ChanMessage *
chan_sender_request_until (ChanSender *self, ChanMessage *message, const char *reply_key,
                           gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_autoptr (ChanSender) reply = NULL;
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanMessage) request = NULL;
  g_autoptr (GError) failure = NULL;
  ChanMessage *answer;

  g_return_val_if_fail (CHAN_IS_SENDER (self) && message != NULL && reply_key != NULL, NULL);

  chan_pipe_new (1, &reply, &answers);
  request = add_reply (message, reply_key, reply, error);
  if (request == NULL || !chan_sender_send_until (self, request, deadline, cancellable, error))
    return NULL;
  drop_handles (message);
  answer = chan_receiver_receive_until (answers, deadline, cancellable, &failure);
  chan_receiver_close (answers);
  if (answer != NULL)
    return answer;
  if (failure == NULL)
    return no_answer (error);
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

/**
 * chan_sender_try_request:
 * @self: a sender
 * @message: the request: a dictionary (`a{sv}`), with or without handles
 * @reply_key: the key under which the receiver expects the channel for its answer
 * @error: return location for an error
 *
 * Sends a request if it can be accepted at once; otherwise fails with
 * %G_IO_ERROR_WOULD_BLOCK, as [method@Chan.Sender.try_send] does, and nothing
 * was sent. Handles of @message are moved if it was.
 *
 * Who gets the request may send more than one answer: how many is between the
 * two. One fits into the channel; close the receiver to take no more.
 *
 * Returns: (transfer full): where the answer comes
 *
 * Since: 0.1
 */
ChanReceiver *
chan_sender_try_request (ChanSender *self, ChanMessage *message, const char *reply_key, GError **error)
{
  g_autoptr (ChanSender) reply = NULL;
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanMessage) request = NULL;

  g_return_val_if_fail (CHAN_IS_SENDER (self) && message != NULL && reply_key != NULL, NULL);

  chan_pipe_new (1, &reply, &answers);
  request = add_reply (message, reply_key, reply, error);
  if (request == NULL || !chan_sender_try_send (self, request, error))
    return NULL;
  drop_handles (message);
  return g_steal_pointer (&answers);
}

/* --- asynchronous ------------------------------------------------------------- */

typedef struct
{
  ChanMessage *message; /* the caller's */
  ChanReceiver *answers;
} Request;

static void
request_free (gpointer data)
{
  Request *self = data;

  chan_message_unref (self->message);
  g_object_unref (self->answers);
  g_free (self);
}

static void
answered_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;
  ChanMessage *answer = chan_receiver_receive_finish (CHAN_RECEIVER (object), result, &error);

  chan_receiver_close (CHAN_RECEIVER (object));
  if (answer == NULL && error == NULL)
    no_answer (&error);
  if (answer != NULL)
    g_task_return_pointer (task, answer, (GDestroyNotify) chan_message_unref);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
sent_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Request *request = g_task_get_task_data (task);
  GError *error = NULL;

  if (!chan_sender_send_finish (CHAN_SENDER (object), result, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  drop_handles (request->message);
  /* This thread iterates the context of the call, which need not be its default one now. */
  g_main_context_push_thread_default (g_task_get_context (task));
  chan_receiver_receive_async (request->answers, g_task_get_priority (task), g_task_get_cancellable (task), answered_cb,
                               g_object_ref (task));
  g_main_context_pop_thread_default (g_task_get_context (task));
}

/**
 * chan_sender_request_async:
 * @self: a sender
 * @message: the request: a dictionary (`a{sv}`), with or without handles
 * @reply_key: the key under which the receiver expects the channel for its answer
 * @io_priority: the I/O priority of the request
 * @cancellable: (nullable): to give up waiting
 * @callback: (scope async) (nullable): called when there is an answer, or there will be none
 * @user_data: data for @callback
 *
 * Asynchronous [method@Chan.Sender.request].
 *
 * Since: 0.1
 */
void
chan_sender_request_async (ChanSender *self, ChanMessage *message, const char *reply_key, int io_priority,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (ChanSender) reply = NULL;
  g_autoptr (ChanMessage) packed = NULL;
  g_autoptr (GTask) task = NULL;
  Request *request;
  GError *error = NULL;

  g_return_if_fail (CHAN_IS_SENDER (self) && message != NULL && reply_key != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, chan_sender_request_async);
  g_task_set_priority (task, io_priority);
  /* An answer that came is not thrown away for a cancel that came after it. */
  g_task_set_check_cancellable (task, FALSE);
  request = g_new0 (Request, 1);
  request->message = chan_message_ref (message);
  chan_pipe_new (1, &reply, &request->answers);
  g_task_set_task_data (task, request, request_free);
  packed = add_reply (message, reply_key, reply, &error);
  if (packed == NULL)
    g_task_return_error (task, error);
  else
    chan_sender_send_async (self, packed, io_priority, cancellable, sent_cb, g_object_ref (task));
}

/**
 * chan_sender_request_finish:
 * @self: a sender
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Chan.Sender.request_async].
 *
 * Returns: (transfer full): the answer, or %NULL on error
 *
 * Since: 0.1
 */
ChanMessage *
chan_sender_request_finish (ChanSender *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-operation-private.h"

#include "chan-error.h"
#include "chan-link.h"
#include "chan-live.h"

/**
 * ChanOperation:
 *
 * Something a transport was asked to do and must end exactly once, with one of
 * the `return` methods, from any thread. Dropping the last reference without
 * doing so ends it with an error.
 *
 * It stands in for a callback, which scripts could not be given: a transport
 * can be written in C, Vala, Python or JavaScript.
 *
 * Since: 0.1
 */
struct _ChanOperation
{
  GObject parent_instance;

  GUri *uri;
  ChanOptions *options;
  GCancellable *cancellable;
  ChanOperationFunc func;
  gpointer data;
  gint ended; /* atomic */
};

G_DEFINE_FINAL_TYPE (ChanOperation, chan_operation, G_TYPE_OBJECT)

static void
operation_end (ChanOperation *self, ChanLink *link, const GError *error)
{
  if (g_atomic_int_compare_and_exchange (&self->ended, FALSE, TRUE))
    self->func (link, error, self->data);
}

static void
chan_operation_dispose (GObject *object)
{
  g_autoptr (GError) error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_FAILED, "The transport dropped the operation");

  operation_end (CHAN_OPERATION (object), NULL, error);
  G_OBJECT_CLASS (chan_operation_parent_class)->dispose (object);
}

static void
chan_operation_finalize (GObject *object)
{
  ChanOperation *self = CHAN_OPERATION (object);

  g_clear_pointer (&self->uri, g_uri_unref);
  g_clear_object (&self->options);
  g_clear_object (&self->cancellable);
  chan_live_add (CHAN_LIVE_OPERATION, -1);
  G_OBJECT_CLASS (chan_operation_parent_class)->finalize (object);
}

static void
chan_operation_class_init (ChanOperationClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = chan_operation_dispose;
  G_OBJECT_CLASS (klass)->finalize = chan_operation_finalize;
}

static void
chan_operation_init (ChanOperation *self)
{
  chan_live_add (CHAN_LIVE_OPERATION, 1);
}

ChanOperation *
chan_operation_new (GUri *uri, ChanOptions *options, GCancellable *cancellable, ChanOperationFunc func, gpointer data)
{
  ChanOperation *self = g_object_new (CHAN_TYPE_OPERATION, NULL);

  self->uri = g_uri_ref (uri);
  self->options = g_object_ref (options);
  if (cancellable != NULL)
    self->cancellable = g_object_ref (cancellable);
  self->func = func;
  self->data = data;
  return self;
}

gboolean
chan_operation_disown (ChanOperation *self)
{
  return g_atomic_int_compare_and_exchange (&self->ended, FALSE, TRUE);
}

/**
 * chan_operation_get_uri:
 * @self: an operation
 *
 * Gets where to connect or listen. Its query has been read into the options.
 *
 * Returns: (transfer none): the URI
 *
 * Since: 0.1
 */
GUri *
chan_operation_get_uri (ChanOperation *self)
{
  g_return_val_if_fail (CHAN_IS_OPERATION (self), NULL);

  return self->uri;
}

/**
 * chan_operation_get_options:
 * @self: an operation
 *
 * Gets the options: those of the configuration and of the URI.
 *
 * Returns: (transfer none): the options
 *
 * Since: 0.1
 */
ChanOptions *
chan_operation_get_options (ChanOperation *self)
{
  g_return_val_if_fail (CHAN_IS_OPERATION (self), NULL);

  return self->options;
}

/**
 * chan_operation_get_cancellable:
 * @self: an operation
 *
 * Gets what cancels the operation.
 *
 * Returns: (transfer none) (nullable): a cancellable, or %NULL if nothing can cancel it
 *
 * Since: 0.1
 */
GCancellable *
chan_operation_get_cancellable (ChanOperation *self)
{
  g_return_val_if_fail (CHAN_IS_OPERATION (self), NULL);

  return self->cancellable;
}

/**
 * chan_operation_return_link:
 * @self: an operation to open a link
 * @link: the link
 *
 * Ends the operation with a link, which need not be ready yet.
 *
 * Since: 0.1
 */
void
chan_operation_return_link (ChanOperation *self, ChanLink *link)
{
  g_return_if_fail (CHAN_IS_OPERATION (self) && CHAN_IS_LINK (link));

  operation_end (self, link, NULL);
}

/**
 * chan_operation_return_done:
 * @self: an operation without a result
 *
 * Ends the operation.
 *
 * Since: 0.1
 */
void
chan_operation_return_done (ChanOperation *self)
{
  g_return_if_fail (CHAN_IS_OPERATION (self));

  operation_end (self, NULL, NULL);
}

/**
 * chan_operation_return_error:
 * @self: an operation
 * @error: why it failed
 *
 * Ends the operation with an error.
 *
 * Since: 0.1
 */
void
chan_operation_return_error (ChanOperation *self, const GError *error)
{
  g_return_if_fail (CHAN_IS_OPERATION (self) && error != NULL);

  operation_end (self, NULL, error);
}

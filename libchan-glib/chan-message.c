/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libchan-glib/chan-message.h>

#include <libchan-glib/chan-error.h>

#include "chan-handle.h"
#include "chan-message-json.h"
#include "chan-message-private.h"
#include "chan-message-struct.h"

/**
 * ChanMessage:
 *
 * What a channel carries: a body, and handles.
 *
 * The body is one [struct@GLib.Variant] of any type. A value of type `h` in it
 * is an index into the message's own list of handles, as in
 * [class@Gio.UnixFDList]; an index outside that list cannot occur.
 *
 * A handle is a [class@Chan.Sender], a [class@Chan.Receiver], a
 * [class@Chan.ByteStream], a [class@Chan.Fd] (a file descriptor), or any other
 * stream: a [class@Gio.IOStream], a [class@Gio.InputStream] (which the other side reads) or a
 * [class@Gio.OutputStream] (which it writes), files and sockets included. Such
 * a stream reaches the other side as a [class@Chan.ByteStream]; see below.
 *
 * Handles *move*: they are the caller's until a send is accepted, then they are
 * gone from the message that was sent, and the other side finds them in the
 * message that it receives. Until it takes them with
 * [method@Chan.Message.steal_handle] or a reference of its own, they belong to
 * that message and go when it goes.
 *
 * A stream that is no [class@Chan.ByteStream] stays here, and the library
 * carries its bytes: it reads only as fast as the other side takes, an end of
 * file or a close goes on as that, and an error as an error. When both directions have
 * ended, or the message was dropped unread, it closes the stream; if what came
 * to be written did not end with a close, then under a cancelled
 * [class@Gio.Cancellable], so that [method@Gio.File.replace] keeps the old file.
 * From the moment a send is accepted such a stream must not be used any more.
 * Streams over file descriptors, of files and of memory are carried by a thread
 * of the library; any other by its asynchronous calls in the main context that
 * was the thread-default one at the send, which must be iterated.
 *
 * A message is a reference-counted value. Its body never changes, so it can be
 * shared between threads, and sent any number of times while it carries no
 * handle. All methods may be called from any thread.
 *
 * Messages that cross to scripts and to the command line use a JSON form; see
 * [ctor@Chan.Message.new_from_json].
 *
 * Since: 0.1
 */

G_DEFINE_BOXED_TYPE (ChanMessage, chan_message, chan_message_ref, chan_message_unref)

/* Takes body and slots. */
static ChanMessage *
message_new (ChanBody *body, gpointer *slots, gsize n_handles)
{
  ChanMessage *self = g_new (ChanMessage, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->body = body;
  self->slots = slots;
  self->n_handles = (guint) n_handles & 0x7fffffff;
  self->received = FALSE;
  return self;
}

static gpointer *
copy_handles (GObject **handles, gsize n_handles)
{
  gpointer *slots = NULL;

  if (n_handles == 0)
    return NULL;
  slots = g_new (gpointer, n_handles);
  for (gsize i = 0; i < n_handles; i++)
    slots[i] = g_object_ref (handles[i]);
  return slots;
}

/* --- making --------------------------------------------------------------- */

/* GVariant reads back this many levels; what lies deeper would silently turn
 * into () once the body is serialised. */
#define BODY_DEPTH_MAX 128

static guint
type_depth (const GVariantType *type)
{
  guint deepest = 0;

  if (g_variant_type_is_array (type) || g_variant_type_is_maybe (type))
    return 1 + type_depth (g_variant_type_element (type));
  if (!g_variant_type_is_container (type) || g_variant_type_is_variant (type))
    return 1;
  for (const GVariantType *item = g_variant_type_first (type); item != NULL; item = g_variant_type_next (item))
    {
      /* MAX would ask twice, and each level again. */
      guint depth = type_depth (item);

      deepest = MAX (deepest, depth);
    }
  return 1 + deepest;
}

static gboolean
type_may_hold_handles (GVariant *value)
{
  /* v may hold anything; any other type tells. */
  return strpbrk (g_variant_get_type_string (value), "hv") != NULL;
}

/* Handles in range, and no deeper than GVariant allows. */
static gboolean
body_is_valid (GVariant *value, gsize n_handles, guint depth)
{
  gsize n_children = 0;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_HANDLE))
    {
      gint32 index = g_variant_get_handle (value);

      return index >= 0 && (gsize) index < n_handles;
    }
  if (depth + type_depth (g_variant_get_type (value)) > BODY_DEPTH_MAX)
    return FALSE;
  if (!g_variant_is_container (value) || !type_may_hold_handles (value))
    return TRUE;

  n_children = g_variant_n_children (value);
  for (gsize i = 0; i < n_children; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      if (!body_is_valid (child, n_handles, depth + 1))
        return FALSE;
    }
  return TRUE;
}

static gboolean
handles_are_objects (GObject **handles, gsize n_handles)
{
  for (gsize i = 0; i < n_handles; i++)
    if (!G_IS_OBJECT (handles[i]))
      return FALSE;
  return TRUE;
}

/**
 * chan_message_new:
 * @body: the body, of any type without a value of type `h`; if it is floating,
 *   it is consumed
 *
 * Makes a message without handles.
 *
 * A value of type `h` anywhere in @body is a programming error here: use
 * [ctor@Chan.Message.new_with_handles].
 *
 * Returns: (transfer full): a new message
 *
 * Since: 0.1
 */
ChanMessage *
chan_message_new (GVariant *body)
{
  return chan_message_new_with_handles (body, NULL, 0);
}

/**
 * chan_message_new_with_handles:
 * @body: the body, of any type; if it is floating, it is consumed
 * @handles: (array length=n_handles) (element-type GObject.Object) (nullable) (transfer none):
 *   the handles; the message takes a reference to each
 * @n_handles: how many there are
 *
 * Makes a message that carries channels or streams.
 *
 * Each value of type `h` in @body is an index into @handles. An index that is
 * out of range is a programming error, and so are more levels than the 128 that
 * [struct@GLib.Variant] reads back. To travel to a peer that is not this
 * library, each handle must be named exactly once.
 *
 * Returns: (transfer full): a new message
 *
 * Since: 0.1
 */
ChanMessage *
chan_message_new_with_handles (GVariant *body, GObject **handles, gsize n_handles)
{
  g_autoptr (GVariant) sunk = NULL;

  g_return_val_if_fail (body != NULL, NULL);
  /* Before the other checks: a floating body is consumed even when they fail. */
  sunk = g_variant_ref_sink (body);
  g_return_val_if_fail (n_handles <= G_MAXINT32, NULL);
  g_return_val_if_fail (handles != NULL || n_handles == 0, NULL);
  g_return_val_if_fail (handles_are_objects (handles, n_handles), NULL);
  g_return_val_if_fail (body_is_valid (sunk, n_handles, 0), NULL);

  return message_new (chan_body_new_variant (sunk), copy_handles (handles, n_handles), n_handles);
}

/**
 * chan_message_new_from_bytes:
 * @bytes: the bytes
 *
 * Makes a message whose body is an array of bytes (type `ay`).
 *
 * The bytes are not copied and no [struct@GLib.Variant] is made unless somebody
 * asks for it.
 *
 * Returns: (transfer full): a new message
 *
 * Since: 0.1
 */
ChanMessage *
chan_message_new_from_bytes (GBytes *bytes)
{
  g_return_val_if_fail (bytes != NULL, NULL);

  return message_new (chan_body_new_bytes (bytes), NULL, 0);
}

/**
 * chan_message_new_from_json:
 * @text: one JSON value, UTF-8
 * @handles: (array length=n_handles) (element-type GObject.Object) (nullable) (transfer none):
 *   the handles; the message takes a reference to each
 * @n_handles: how many there are
 * @error: return location for an error
 *
 * Makes a message from its JSON form.
 *
 * An object becomes a body (or a value) of type `a{sv}`, an array `av`, a
 * string `s`, a whole number `x`, a number with a fraction or an exponent `d`,
 * true and false `b`, and null an empty `mv`. What JSON cannot say is said by an
 * object with one key that starts with a dollar sign:
 *
 * - `{"$handle": 0}`: the handle of that index
 * - `{"$bytes": "aGVsbG8="}`: an array of bytes (`ay`), base64
 * - `{"$int": "9223372036854775807"}`: a whole number beyond 2^53, which many
 *   JSON readers would round (`x`, or `t` where it needs it)
 * - `{"$double": "nan"}`, `"inf"` or `"-inf"`
 *
 * A key of yours that starts with a dollar sign is written with one more:
 * `{"$$handle": 1}` is the key `$handle`.
 *
 * The text may come from anywhere: it is limited in size, in depth (39 objects or
 * 59 arrays within each other) and in number of values; a key that occurs twice, a number that does not fit, a lone surrogate
 * or a `\u0000` is an error rather than a guess.
 *
 * Fails with %G_IO_ERROR_INVALID_DATA, %CHAN_CHANNEL_ERROR_TOO_LARGE,
 * %CHAN_CHANNEL_ERROR_TOO_COMPLEX, or %CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE for an
 * index that is out of range.
 *
 * Returns: (transfer full): a new message, or %NULL with @error set
 *
 * Since: 0.1
 */
ChanMessage *
chan_message_new_from_json (const char *text, GObject **handles, gsize n_handles, GError **error)
{
  g_autoptr (GVariant) body = NULL;

  g_return_val_if_fail (text != NULL, NULL);
  g_return_val_if_fail (n_handles <= G_MAXINT32, NULL);
  g_return_val_if_fail (handles != NULL || n_handles == 0, NULL);
  g_return_val_if_fail (handles_are_objects (handles, n_handles), NULL);

  body = chan_message_json_parse (text, n_handles, error);
  if (body == NULL)
    return NULL;
  return message_new (chan_body_new_variant (body), copy_handles (handles, n_handles), n_handles);
}

/**
 * chan_message_new_from_json_node:
 * @node: a JSON value
 * @handles: (array length=n_handles) (element-type GObject.Object) (nullable) (transfer none):
 *   the handles; the message takes a reference to each
 * @n_handles: how many there are
 * @error: return location for an error
 *
 * Makes a message from its JSON form, as [ctor@Chan.Message.new_from_json] does.
 *
 * Returns: (transfer full): a new message, or %NULL with @error set
 *
 * Since: 0.1
 */
ChanMessage *
chan_message_new_from_json_node (JsonNode *node, GObject **handles, gsize n_handles, GError **error)
{
  g_autoptr (GVariant) body = NULL;

  g_return_val_if_fail (node != NULL, NULL);
  g_return_val_if_fail (n_handles <= G_MAXINT32, NULL);
  g_return_val_if_fail (handles != NULL || n_handles == 0, NULL);
  g_return_val_if_fail (handles_are_objects (handles, n_handles), NULL);

  body = chan_message_json_from_node (node, n_handles, error);
  if (body == NULL)
    return NULL;
  return message_new (chan_body_new_variant (body), copy_handles (handles, n_handles), n_handles);
}

ChanMessage *
chan_message_new_received (ChanBody *body, GObject **handles, gsize n_handles)
{
  ChanMessage *self = message_new (body, (gpointer *) handles, n_handles);

  self->received = TRUE;
  return self;
}

/**
 * chan_message_ref:
 * @self: a message
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
ChanMessage *
chan_message_ref (ChanMessage *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * chan_message_unref:
 * @self: (transfer full): a message
 *
 * Drops a reference. With the last one go the handles that are still in it.
 *
 * Since: 0.1
 */
void
chan_message_unref (ChanMessage *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  for (guint i = 0; i < self->n_handles; i++)
    {
      GObject *object = chan_slot_object (self->slots[i]);

      /* Dropped with the message that brought it, and nobody else has it: its
       * other end sees CLOSED, not that an end was lost. */
      if (object != NULL && self->received && g_atomic_int_get (&object->ref_count) == 1)
        chan_handle_cancel (object);
      g_clear_object (&object);
    }
  g_free (self->slots);
  chan_body_unref (self->body);
  g_free (self);
}

/* --- the body -------------------------------------------------------------- */

ChanBody *
chan_message_peek_body (ChanMessage *self)
{
  return self->body;
}

/**
 * chan_message_get_body:
 * @self: a message
 *
 * The body. It is built when it is first asked for, and kept.
 *
 * Returns: (transfer none): the body, not floating; it lives as long as @self
 *
 * Since: 0.1
 */
GVariant *
chan_message_get_body (ChanMessage *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return chan_body_get_variant (self->body);
}

/**
 * chan_message_get_bytes:
 * @self: a message
 *
 * The body as bytes, if its type is `ay`; without making a
 * [struct@GLib.Variant] where the message does not have one already.
 *
 * Returns: (transfer none) (nullable): the bytes, or %NULL if the body is
 *   anything else; they live as long as @self
 *
 * Since: 0.1
 */
GBytes *
chan_message_get_bytes (ChanMessage *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return chan_body_get_bytes (self->body);
}

/**
 * chan_message_to_json:
 * @self: a message
 *
 * The body as one line of JSON, in the form that
 * [ctor@Chan.Message.new_from_json] reads.
 *
 * Types that JSON does not tell apart are written alike: every whole number, a
 * tuple and an array, a `v` and what it holds, an object path and a string.
 * Where a dictionary has a key twice, the first is written.
 *
 * Returns: (transfer full): the text
 *
 * Since: 0.1
 */
char *
chan_message_to_json (ChanMessage *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return chan_message_json_print (chan_body_get_variant (self->body));
}

/**
 * chan_message_dup_json_node:
 * @self: a message
 *
 * The body as JSON, as [method@Chan.Message.to_json] writes it.
 *
 * Returns: (transfer full): a new node
 *
 * Since: 0.1
 */
JsonNode *
chan_message_dup_json_node (ChanMessage *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return chan_message_json_to_node (chan_body_get_variant (self->body));
}

/**
 * chan_message_get_size:
 * @self: a message
 *
 * How many bytes the body holds in the form it has now. What it takes on a wire
 * is close to this, but depends on the transport.
 *
 * Returns: a number of bytes
 *
 * Since: 0.1
 */
gsize
chan_message_get_size (ChanMessage *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return chan_body_get_size (self->body);
}

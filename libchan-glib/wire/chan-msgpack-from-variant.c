/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-msgpack-from-variant.h"

#include <string.h>

#include <libchan-glib/chan-error.h>

#include "chan-msgpack-reader.h"
#include "chan-msgpack-writer.h"

typedef struct
{
  GByteArray *out;
  gsize start;
  ChanSpdyDialect dialect;
  const ChanWireHandle *handles;
  gsize n_handles;
  guint8 *named; /* per handle: it has occurred */
  gsize n_named;
  const ChanLimits *limits;
  gsize nodes;
  guint depth;
  guint view_depth; /* of what a peer of ours would read */
  guint nesting;    /* variants and maybes */
  GError **error;
} Writer;

static gboolean write_value (Writer *self, GVariant *value);

static gboolean
fail (Writer *self, ChanChannelError code, const char *text)
{
  g_set_error_literal (self->error, CHAN_CHANNEL_ERROR, (int) code, text);
  return FALSE;
}

/* Before `len` more bytes are appended. */
static gboolean
check_room (Writer *self, gsize len)
{
  gsize used = self->out->len - self->start;

  if (len > self->limits->message_bytes || used > self->limits->message_bytes - len)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_LARGE, "The message is too large");
  return TRUE;
}

void
chan_msgpack_write_handle (GByteArray *out, ChanSpdyDialect dialect, const ChanWireHandle *handle)
{
  gboolean is_channel = handle->kind == CHAN_WIRE_SENDER || handle->kind == CHAN_WIRE_RECEIVER;
  guint64 be = GUINT64_TO_BE (handle->ref);
  guint width = handle->ref <= G_MAXUINT32 ? 4 : 8;
  guint8 payload[9];

  /* generation 1: direction as the receiver of the message sees it; 2: it gets the sending end */
  payload[0] = handle->kind == CHAN_WIRE_SENDER ? 2 : 1;
  memcpy (payload + 1, (const guint8 *) &be + (8 - width), width);
  if (dialect != CHAN_SPDY_DIALECT_GEN1)
    chan_msgpack_write_ext (out, (guint8) handle->kind, payload + 1, width);
  else if (is_channel)
    chan_msgpack_write_ext (out, 1, payload, 1 + width);
  else
    chan_msgpack_write_ext (out, 2, payload + 1, width);
}

static gboolean
write_handle (Writer *self, gint32 index_)
{
  if (index_ < 0 || (gsize) index_ >= self->n_handles)
    return fail (self, CHAN_CHANNEL_ERROR_UNSUPPORTED, "The message names a handle it does not have");
  if (self->named[index_]++ > 0)
    return fail (self, CHAN_CHANNEL_ERROR_UNSUPPORTED, "This peer cannot be sent one handle twice in a message");
  self->n_named++;
  chan_msgpack_write_handle (self->out, self->dialect, &self->handles[index_]);
  return TRUE;
}

static gboolean
write_string (Writer *self, GVariant *value)
{
  gsize len;
  const char *s = g_variant_get_string (value, &len);

  if (!check_room (self, len))
    return FALSE;
  chan_msgpack_write_str (self->out, s, (guint32) len);
  return TRUE;
}

static gboolean
write_bytes (Writer *self, GVariant *value)
{
  gsize len = g_variant_get_size (value);

  if (!check_room (self, len))
    return FALSE;
  chan_msgpack_write_bin (self->out, (guint32) len);
  if (len > 0)
    g_byte_array_append (self->out, g_variant_get_data (value), (guint) len);
  return TRUE;
}

static int
compare_strings (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* A key twice in a map ends a Go peer's process (generation 2, "Messages"). */
static gboolean
check_keys (Writer *self, GVariant *dict, gsize n)
{
  g_autoptr (GPtrArray) owners = g_ptr_array_new_full ((guint) n, (GDestroyNotify) g_variant_unref);
  g_autoptr (GPtrArray) keys = g_ptr_array_new_full ((guint) n, NULL);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (dict, i);
      GVariant *key = g_variant_get_child_value (entry, 0);

      g_ptr_array_add (owners, key);
      g_ptr_array_add (keys, (gpointer) g_variant_get_string (key, NULL));
    }
  g_ptr_array_sort (keys, compare_strings);
  for (guint i = 1; i < keys->len; i++)
    if (strcmp (keys->pdata[i - 1], keys->pdata[i]) == 0)
      return fail (self, CHAN_CHANNEL_ERROR_UNSUPPORTED, "This peer cannot be sent a dictionary with the same key twice");
  return TRUE;
}

static gboolean
is_dict (GVariant *value)
{
  return g_variant_is_of_type (value, G_VARIANT_TYPE_DICTIONARY);
}

static gboolean
has_string_keys (GVariant *value)
{
  const char *type = g_variant_get_type_string (value);
  char key = type[0] == 'a' ? type[2] : type[1]; /* a{K…}, {K…} */

  return key == 's' || key == 'o' || key == 'g';
}

/* ("time", seconds, nanoseconds) is how an ext 6 reads. */
static gboolean
write_time (Writer *self, GVariant *value)
{
  guint8 payload[12];
  gint64 seconds;
  guint32 nanoseconds;

  g_variant_get (value, "(&sxu)", NULL, &seconds, &nanoseconds);
  seconds = GINT64_TO_BE (seconds);
  nanoseconds = GUINT32_TO_BE (nanoseconds);
  memcpy (payload, &seconds, 8);
  memcpy (payload + 8, &nanoseconds, 4);
  chan_msgpack_write_ext (self->out, 6, payload, sizeof payload);
  return TRUE;
}

static gboolean
is_time (Writer *self, GVariant *value)
{
  const char *tag;
  guint32 nanoseconds;

  if (self->dialect == CHAN_SPDY_DIALECT_GEN1 || !g_variant_is_of_type (value, G_VARIANT_TYPE ("(sxu)")))
    return FALSE;
  g_variant_get (value, "(&sxu)", &tag, NULL, &nanoseconds);
  return strcmp (tag, "time") == 0 && nanoseconds < CHAN_MSGPACK_NANOSECONDS;
}

/* ("conn", network, local, remote) is how an ext 4 or 5 of generation 1 reads. */
static gboolean
is_conn (Writer *self, GVariant *value)
{
  const char *tag, *network, *local, *remote;

  if (self->dialect != CHAN_SPDY_DIALECT_GEN1 || !g_variant_is_of_type (value, G_VARIANT_TYPE ("(ssss)")))
    return FALSE;
  g_variant_get (value, "(&s&s&s&s)", &tag, &network, &local, &remote);
  return strcmp (tag, "conn") == 0 && (strcmp (network, "tcp") == 0 || strcmp (network, "udp") == 0)
         && strlen (local) <= 0x7f && strlen (remote) <= 0x7f && strlen (local) + strlen (remote) != 2;
}

static gboolean
write_conn (Writer *self, GVariant *value)
{
  guint8 payload[4 + 2 * 0x80];
  const char *strings[3];
  guint8 *at = payload;

  g_variant_get (value, "(&s&s&s&s)", NULL, &strings[0], &strings[1], &strings[2]);
  for (gsize i = 0; i < G_N_ELEMENTS (strings); i++)
    {
      gsize len = strlen (strings[i]);

      *at++ = (guint8) len;
      memcpy (at, strings[i], len);
      at += len;
    }
  if (!check_room (self, (gsize) (at - payload)))
    return FALSE;
  chan_msgpack_write_ext (self->out, strings[0][0] == 't' ? 4 : 5, payload, (guint32) (at - payload));
  return TRUE;
}

static gboolean
write_children (Writer *self, GVariant *value, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      if (is_dict (value))
        {
          g_autoptr (GVariant) key = g_variant_get_child_value (child, 0);
          g_autoptr (GVariant) inner = g_variant_get_child_value (child, 1);

          if (!write_value (self, key) || !write_value (self, inner))
            return FALSE;
        }
      else if (!write_value (self, child))
        return FALSE;
    }
  return TRUE;
}

static gboolean
write_container (Writer *self, GVariant *value)
{
  gsize n = g_variant_n_children (value);
  gboolean is_map = is_dict (value) || g_variant_is_of_type (value, G_VARIANT_TYPE_DICT_ENTRY);
  guint levels = is_map ? 3 : 2; /* array, entry, variant; array, variant */
  gboolean written;

  if (n > self->limits->message_nodes - self->nodes)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "The message has too many values");
  if (self->depth >= MIN (self->limits->message_depth, CHAN_MSGPACK_MAX_DEPTH) ||
      self->view_depth + levels > CHAN_MSGPACK_VIEW_DEPTH)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "The message is nested too deeply");
  if (is_map && !has_string_keys (value))
    return fail (self, CHAN_CHANNEL_ERROR_UNSUPPORTED, "This peer cannot be sent a dictionary whose keys are not strings");
  if (is_dict (value) && n > 1 && !check_keys (self, value, n))
    return FALSE;

  if (is_dict (value))
    chan_msgpack_write_map (self->out, (guint32) n);
  else if (is_map)
    chan_msgpack_write_map (self->out, 1);
  else
    chan_msgpack_write_array (self->out, (guint32) n);
  self->depth++;
  self->view_depth += levels;
  written = write_children (self, value, n);
  self->view_depth -= levels;
  self->depth--;
  return written;
}

static gboolean
write_tuple (Writer *self, GVariant *value)
{
  if (is_time (self, value))
    return write_time (self, value);
  return is_conn (self, value) ? write_conn (self, value) : write_container (self, value);
}

static gboolean
write_inner (Writer *self, GVariant *inner)
{
  gboolean written;

  if (inner == NULL)
    {
      chan_msgpack_write_nil (self->out);
      return TRUE;
    }
  if (self->nesting >= CHAN_MSGPACK_VIEW_DEPTH)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "The message is nested too deeply");
  self->nesting++;
  written = write_value (self, inner);
  self->nesting--;
  return written;
}

static gboolean
write_number (Writer *self, GVariant *value)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BOOLEAN:
      chan_msgpack_write_bool (self->out, g_variant_get_boolean (value));
      return TRUE;
    case G_VARIANT_CLASS_BYTE:
      chan_msgpack_write_int (self->out, g_variant_get_byte (value));
      return TRUE;
    case G_VARIANT_CLASS_INT16:
      chan_msgpack_write_int (self->out, g_variant_get_int16 (value));
      return TRUE;
    case G_VARIANT_CLASS_UINT16:
      chan_msgpack_write_int (self->out, g_variant_get_uint16 (value));
      return TRUE;
    case G_VARIANT_CLASS_INT32:
      chan_msgpack_write_int (self->out, g_variant_get_int32 (value));
      return TRUE;
    case G_VARIANT_CLASS_UINT32:
      chan_msgpack_write_int (self->out, g_variant_get_uint32 (value));
      return TRUE;
    case G_VARIANT_CLASS_INT64:
      chan_msgpack_write_int (self->out, g_variant_get_int64 (value));
      return TRUE;
    case G_VARIANT_CLASS_UINT64:
      chan_msgpack_write_uint (self->out, g_variant_get_uint64 (value));
      return TRUE;
    case G_VARIANT_CLASS_DOUBLE:
      chan_msgpack_write_double (self->out, g_variant_get_double (value));
      return TRUE;
    default:
      g_assert_not_reached ();
    }
}

static gboolean
write_value (Writer *self, GVariant *value)
{
  g_autoptr (GVariant) inner = NULL;

  if (++self->nodes > self->limits->message_nodes)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "The message has too many values");
  if (!check_room (self, 1))
    return FALSE;

  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
      return write_string (self, value);
    case G_VARIANT_CLASS_HANDLE:
      return write_handle (self, g_variant_get_handle (value));
    case G_VARIANT_CLASS_VARIANT:
      inner = g_variant_get_variant (value);
      self->nodes--; /* it is not a value of its own in msgpack */
      return write_inner (self, inner);
    case G_VARIANT_CLASS_MAYBE:
      inner = g_variant_get_maybe (value);
      self->nodes -= inner != NULL;
      return write_inner (self, inner);
    case G_VARIANT_CLASS_ARRAY:
      if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
        return write_bytes (self, value);
      return write_container (self, value);
    case G_VARIANT_CLASS_TUPLE:
      return write_tuple (self, value);
    case G_VARIANT_CLASS_DICT_ENTRY:
      return write_container (self, value);
    default:
      return write_number (self, value);
    }
}

gboolean
chan_msgpack_from_variant (GVariant *value, ChanSpdyDialect dialect, const ChanWireHandle *handles, gsize n_handles,
                           const ChanLimits *limits, GByteArray *out, GError **error)
{
  g_autofree guint8 *named = g_new0 (guint8, n_handles);
  Writer writer = { out, out->len, dialect, handles, n_handles, named, 0, limits, 0, 0, 0, 0, error };

  if (!write_value (&writer, value))
    return FALSE;
  if (writer.n_named < n_handles)
    return fail (&writer, CHAN_CHANNEL_ERROR_UNSUPPORTED, "This peer cannot be sent a handle that the message does not name");
  return check_room (&writer, 0);
}

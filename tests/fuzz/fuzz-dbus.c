/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bodies over D-Bus. The first byte says what the rest is: a message as it comes from a connection, a serialised value,
 * or a value of ours; the next three the limits. */
#include "fuzz-input.h"

#include <gio/gio.h>
#include <string.h>

#include "plugins/dbus/chan-dbus-value-check.h"

typedef enum
{
  INPUT_MESSAGE,
  INPUT_SERIALISED,
  INPUT_OURS,
  N_INPUTS,
} Input;

static ChanDBusValueLimits
read_limits (FuzzInput *input)
{
  guint nodes = 1 + fuzz_input_byte (input) * 16u, depth = fuzz_input_byte (input) % 65;

  return (ChanDBusValueLimits) { nodes, depth, fuzz_input_byte (input) % 4 };
}

/* Through the form that goes over a connection: whatever is encoded has one. */
static GVariant *
over_dbus (GVariant *value)
{
  g_autoptr (GDBusMessage) out = g_dbus_message_new_method_call (NULL, "/", NULL, "Push");
  g_autoptr (GDBusMessage) in = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *blob = NULL;
  gsize size;

  g_dbus_message_set_serial (out, 1);
  g_dbus_message_set_body (out, g_variant_new ("(@v)", value));
  blob = g_dbus_message_to_blob (out, &size, G_DBUS_CAPABILITY_FLAGS_NONE, &error);
  g_assert_no_error (error);
  in = g_dbus_message_new_from_blob (blob, size, G_DBUS_CAPABILITY_FLAGS_NONE, &error);
  g_assert_no_error (error);
  return g_variant_get_child_value (g_dbus_message_get_body (in), 0);
}

static void
assert_normal (GVariant *value)
{
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (value);
  g_autoptr (GVariant) untrusted = g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (value), bytes, FALSE));

  g_assert (g_variant_is_normal_form (untrusted));
}

/* What is within the limits goes, and comes back as it was. */
static void
assert_goes (GVariant *body, const ChanDBusValueLimits *limits)
{
  g_autoptr (GVariant) encoded = chan_dbus_value_encode (body);
  g_autoptr (GVariant) came = over_dbus (encoded);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) decoded = NULL;

  g_assert (g_variant_get_size (came) == g_variant_get_size (encoded));
  decoded = chan_dbus_value_decode (came, limits, &error);
  g_assert_no_error (error);
  g_assert (g_variant_type_equal (g_variant_get_type (decoded), g_variant_get_type (body)));
  g_assert (g_variant_equal (decoded, body));
}

/* value: of type v */
static void
fuzz_decode (GVariant *value, const ChanDBusValueLimits *limits)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) body = chan_dbus_value_decode (value, limits, &error);

  g_assert ((body == NULL) == (error != NULL));
  if (body == NULL)
    return;
  g_assert (!g_variant_is_floating (body));
  g_assert (chan_dbus_value_check (body, limits, NULL));
  assert_normal (body);
  assert_goes (body, limits);
}

/* The length of the body is what is there: else hardly any change of it would get further. */
static void
set_body_length (guint8 *blob, gsize len)
{
  gboolean big = blob[0] == 'B';
  guint32 fields, body;
  gsize begin;

  memcpy (&fields, blob + 12, sizeof fields);
  begin = 16 + (((gsize) (big ? GUINT32_FROM_BE (fields) : GUINT32_FROM_LE (fields)) + 7) & ~(gsize) 7);
  if (begin > len)
    return;
  body = (guint32) (len - begin);
  body = big ? GUINT32_TO_BE (body) : GUINT32_TO_LE (body);
  memcpy (blob + 4, &body, sizeof body);
}

static void
fuzz_message (const FuzzInput *input, const ChanDBusValueLimits *limits)
{
  g_autofree guint8 *blob = g_memdup2 (input->data, input->len);
  g_autoptr (GDBusMessage) message = NULL;
  GVariant *body;

  if (input->len < 16)
    return;
  set_body_length (blob, input->len);
  /* As the connection does */
  if (g_dbus_message_bytes_needed (blob, input->len, NULL) != (gssize) input->len)
    return;
  message = g_dbus_message_new_from_blob (blob, input->len, G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL);
  body = message != NULL ? g_dbus_message_get_body (message) : NULL;
  for (gsize i = 0; body != NULL && i < g_variant_n_children (body); i++)
    {
      g_autoptr (GVariant) value = g_variant_get_child_value (body, i);

      if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT))
        fuzz_decode (value, limits);
    }
}

static void
fuzz_serialised (FuzzInput *input, const ChanDBusValueLimits *limits)
{
  g_autofree char *type = fuzz_input_text (input);
  g_autofree char *name = g_strconcat ("=", type, NULL);
  GVariant *bytes = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, input->data, input->len, 1);
  g_autoptr (GVariant) value = NULL;

  if (!g_utf8_validate (name, -1, NULL))
    {
      g_variant_unref (g_variant_ref_sink (bytes));
      return;
    }
  value = g_variant_ref_sink (g_variant_new_variant (g_variant_new ("(sv)", name, bytes)));
  fuzz_decode (value, limits);
}

static void
fuzz_ours (FuzzInput *input, const ChanDBusValueLimits *limits)
{
  g_autofree char *type = fuzz_input_text (input);
  g_autoptr (GBytes) bytes = g_bytes_new (input->data, input->len);
  g_autoptr (GVariant) value = NULL;

  if (!g_variant_type_string_is_valid (type) || !g_variant_type_is_definite (G_VARIANT_TYPE (type)))
    return;
  value = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (type), bytes, FALSE));
  if (g_variant_is_normal_form (value) && chan_dbus_value_check (value, limits, NULL))
    assert_goes (value, limits);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize len)
{
  FuzzInput input = { data, len };
  Input kind = fuzz_input_byte (&input) % N_INPUTS;
  ChanDBusValueLimits limits = read_limits (&input);

  if (kind == INPUT_MESSAGE)
    fuzz_message (&input, &limits);
  else if (kind == INPUT_SERIALISED)
    fuzz_serialised (&input, &limits);
  else
    fuzz_ours (&input, &limits);
  return 0;
}

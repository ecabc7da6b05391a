/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A message from JSON text, and back. The first byte: how many handles there are. */
#include "fuzz-input.h"

#include <libchan-glib/chan-message.h>

#define HANDLES_MAX 3

static ChanMessage *
read_again (const char *text, ChanMessage *message, GObject **handles, gsize n)
{
  g_autoptr (GError) error = NULL;
  ChanMessage *again = chan_message_new_from_json (text, handles, n, &error);
  g_autofree char *text_again = NULL;

  g_assert_no_error (error);
  g_assert (g_variant_equal (chan_message_get_body (again), chan_message_get_body (message)));
  text_again = chan_message_to_json (again);
  g_assert_cmpstr (text_again, ==, text);
  return again;
}

/* The same through the nodes of json-glib. */
static void
assert_same_as_node (ChanMessage *message, GObject **handles, gsize n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = chan_message_dup_json_node (message);
  g_autoptr (ChanMessage) again = chan_message_new_from_json_node (node, handles, n, &error);

  g_assert_no_error (error);
  g_assert (g_variant_equal (chan_message_get_body (again), chan_message_get_body (message)));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize len)
{
  FuzzInput input = { data, len };
  gsize n = fuzz_input_byte (&input) % (HANDLES_MAX + 1);
  GObject *handles[HANDLES_MAX];
  g_autofree char *text = fuzz_input_text (&input);
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = NULL;

  for (gsize i = 0; i < HANDLES_MAX; i++)
    handles[i] = g_object_new (G_TYPE_OBJECT, NULL);
  message = chan_message_new_from_json (text, handles, n, &error);
  g_assert ((message == NULL) == (error != NULL));
  if (message != NULL)
    {
      g_autofree char *json = chan_message_to_json (message);
      g_autoptr (ChanMessage) again = read_again (json, message, handles, n);

      g_assert (chan_message_get_n_handles (again) == n);
      assert_same_as_node (message, handles, n);
    }
  else
    g_assert (g_utf8_validate (error->message, -1, NULL));
  g_clear_pointer (&message, chan_message_unref);
  for (gsize i = 0; i < HANDLES_MAX; i++)
    {
      g_assert (handles[i]->ref_count == 1);
      g_object_unref (handles[i]);
    }
  return 0;
}

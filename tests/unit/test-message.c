/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libchan-glib/chan-error.h>
#include <libchan-glib/chan-message.h>

#include "libchan-glib/chan-message-private.h"

/* --- programming errors -------------------------------------------------------- */

static guint n_criticals;

static void
count_criticals_cb (const char *domain, GLogLevelFlags level, const char *message, gpointer user_data)
{
  if ((level & G_LOG_LEVEL_CRITICAL) != 0)
    n_criticals++;
}

/* What follows until the end must be reported as one programming error. */
static GLogLevelFlags
criticals_begin (void)
{
  n_criticals = 0;
  g_log_set_default_handler (count_criticals_cb, NULL);
  return g_log_set_always_fatal (G_LOG_FATAL_MASK);
}

static void
criticals_end (GLogLevelFlags fatal)
{
  g_log_set_always_fatal (fatal);
  g_log_set_default_handler (g_log_default_handler, NULL);
  g_assert_cmpuint (n_criticals, ==, 1);
}

static void
assert_refused (const char *body, GObject **handles, gsize n_handles)
{
  GLogLevelFlags fatal = criticals_begin ();
  GVariant *value = g_variant_new_parsed (body);

  g_assert_null (chan_message_new_with_handles (value, handles, n_handles));
  criticals_end (fatal);
}

static GObject *
new_object (void)
{
  return g_object_new (G_TYPE_OBJECT, NULL);
}

static void
gone_cb (gpointer user_data, GObject *where_the_object_was)
{
  gboolean *gone = user_data;

  *gone = TRUE;
}

static void
watch (GObject *object, gboolean *gone)
{
  *gone = FALSE;
  g_object_weak_ref (object, gone_cb, gone);
}

/* --- bodies ---------------------------------------------------------------------- */

static void
test_body_is_kept (void)
{
  g_autoptr (ChanMessage) message = chan_message_new (g_variant_new ("(sx)", "hello", (gint64) 7));
  g_autoptr (ChanMessage) again = chan_message_ref (message);
  g_autoptr (GVariant) expected = g_variant_ref_sink (g_variant_new ("(sx)", "hello", (gint64) 7));

  g_assert_true (again == message);
  g_assert_true (g_variant_equal (chan_message_get_body (message), expected));
  g_assert_false (g_variant_is_floating (chan_message_get_body (message)));
  g_assert_null (chan_message_get_bytes (message));
  g_assert_cmpuint (chan_message_get_n_handles (message), ==, 0);
  g_assert_cmpuint (chan_message_get_size (message), >=, 14);
}

static void
test_bytes_are_not_copied (void)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("abc", 3);
  g_autoptr (ChanMessage) message = chan_message_new_from_bytes (bytes);

  g_assert_true (g_bytes_get_data (chan_message_get_bytes (message), NULL) == g_bytes_get_data (bytes, NULL));
  g_assert_cmpuint (chan_message_get_size (message), ==, 3);
  g_assert_cmpstr (g_variant_get_type_string (chan_message_get_body (message)), ==, "ay");
  g_assert_cmpuint (g_variant_n_children (chan_message_get_body (message)), ==, 3);
}

static void
test_bytes_of_a_variant (void)
{
  g_autoptr (ChanMessage) message = chan_message_new (g_variant_new_bytestring ("xy"));
  GBytes *bytes = chan_message_get_bytes (message);

  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 3);
  g_assert_cmpstr (g_bytes_get_data (bytes, NULL), ==, "xy");
}

static void
test_boxed_type_counts_references (void)
{
  g_autoptr (ChanMessage) message = chan_message_new (g_variant_new_int32 (1));
  ChanMessage *copy = g_boxed_copy (CHAN_TYPE_MESSAGE, message);

  g_assert_true (copy == message);
  g_boxed_free (CHAN_TYPE_MESSAGE, copy);
  g_assert_cmpint (g_variant_get_int32 (chan_message_get_body (message)), ==, 1);
}

/* --- handles ---------------------------------------------------------------------- */

static void
test_index_out_of_range_is_refused (void)
{
  g_autoptr (GObject) object = new_object ();

  assert_refused ("handle 0", NULL, 0);
  assert_refused ("handle 1", &object, 1);
  assert_refused ("handle -1", &object, 1);
  assert_refused ("{'a': <[<handle 5>]>}", &object, 1);
  assert_refused ("@ah [0, 1]", &object, 1);
  assert_refused ("(1, just handle 3)", &object, 1);
  /* the message took nothing */
  g_assert_cmpuint (object->ref_count, ==, 1);
}

static void
test_too_deep_body_is_refused (void)
{
  GLogLevelFlags fatal = criticals_begin ();
  GVariant *value = g_variant_new_int32 (1);

  for (int i = 0; i < 128; i++)
    value = g_variant_new_variant (value);
  g_assert_null (chan_message_new (value));
  criticals_end (fatal);
}

static void
test_deepest_body_survives_serialising (void)
{
  GVariant *value = g_variant_new_int32 (42);
  g_autoptr (GVariant) innermost = NULL;
  g_autoptr (ChanMessage) message = NULL;

  for (int i = 0; i < 127; i++)
    value = g_variant_new_variant (value);
  message = chan_message_new (value);
  g_assert_nonnull (g_variant_get_data (chan_message_get_body (message)));
  innermost = g_variant_ref (chan_message_get_body (message));
  while (g_variant_is_of_type (innermost, G_VARIANT_TYPE_VARIANT))
    {
      GVariant *inner = g_variant_get_variant (innermost);

      g_variant_unref (innermost);
      innermost = inner;
    }
  g_assert_cmpint (g_variant_get_int32 (innermost), ==, 42);
}

static void
test_get_borrows_and_steal_takes (void)
{
  GObject *object = new_object ();
  gboolean gone = FALSE;
  ChanMessage *message = chan_message_new_with_handles (g_variant_new_handle (0), &object, 1);
  GObject *stolen = NULL;

  watch (object, &gone);
  g_object_unref (object);
  g_assert_true (chan_message_get_handle (message, 0) == object);
  g_assert_null (chan_message_get_handle (message, 1));
  g_assert_null (chan_message_steal_handle (message, G_MAXUINT));

  stolen = chan_message_steal_handle (message, 0);
  g_assert_true (stolen == object);
  g_assert_null (chan_message_get_handle (message, 0));
  g_assert_null (chan_message_steal_handle (message, 0));
  g_assert_cmpuint (chan_message_get_n_handles (message), ==, 1);
  chan_message_unref (message);
  g_assert_false (gone);
  g_object_unref (stolen);
  g_assert_true (gone);
}

static void
test_handles_go_with_the_message (void)
{
  GObject *object = new_object ();
  gboolean gone = FALSE;
  ChanMessage *message = chan_message_new_with_handles (g_variant_new_handle (0), &object, 1);

  watch (object, &gone);
  g_object_unref (object);
  g_assert_false (gone);
  chan_message_unref (message);
  g_assert_true (gone);
}

static void
assert_found (const char *body, const char *key, gboolean found)
{
  g_autoptr (GObject) first = new_object ();
  g_autoptr (GObject) second = new_object ();
  GObject *handles[] = { first, second };
  g_autoptr (ChanMessage) message = chan_message_new_with_handles (g_variant_new_parsed (body), handles, 2);

  g_assert_true (chan_message_lookup_handle (message, key) == (found ? second : NULL));
}

static void
test_lookup_by_key (void)
{
  assert_found ("{'R': <handle 1>, 'S': <'no handle'>}", "R", TRUE);
  assert_found ("{'R': handle 1}", "R", TRUE);
  assert_found ("{'R': <<<handle 1>>>}", "R", TRUE);
  assert_found ("<{'R': <handle 1>}>", "R", TRUE);
  assert_found ("{'R': <handle 1>, 'S': <'no handle'>}", "S", FALSE);
  assert_found ("{'R': <handle 1>}", "r", FALSE);
  assert_found ("(handle 1, 5)", "R", FALSE);
  assert_found ("{1: handle 1}", "R", FALSE);
}

static void
test_received_message_takes_all (void)
{
  GObject **handles = g_new (GObject *, 1);
  gboolean gone = FALSE;
  ChanMessage *message = NULL;

  handles[0] = new_object ();
  watch (handles[0], &gone);
  message = chan_message_new_received (chan_body_new_variant (g_variant_new_handle (0)), handles, 1);
  g_assert_cmpint (g_variant_get_handle (chan_body_get_variant (chan_message_peek_body (message))), ==, 0);
  chan_message_unref (message);
  g_assert_true (gone);
}

/* --- sending ------------------------------------------------------------------------ */

static ChanMessage *
new_pair (GObject *first, GObject *second)
{
  GObject *handles[] = { first, second };

  return chan_message_new_with_handles (g_variant_new_parsed ("(handle 0, handle 1)"), handles, 2);
}

static void
test_reserved_handles_cannot_be_taken (void)
{
  g_autoptr (GObject) first = new_object ();
  g_autoptr (GObject) second = new_object ();
  g_autoptr (ChanMessage) message = new_pair (first, second);
  g_autoptr (GError) error = NULL;
  g_autoptr (GObject) stolen = NULL;

  g_assert_true (chan_message_reserve_handles (message, NULL));
  g_assert_null (chan_message_steal_handle (message, 0));
  g_assert_true (chan_message_get_handle (message, 0) == first);
  g_assert_true (chan_message_peek_reserved (message, 1) == second);
  g_assert_false (chan_message_reserve_handles (message, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);

  chan_message_unreserve_handles (message);
  stolen = chan_message_steal_handle (message, 0);
  g_assert_true (stolen == first);
}

static void
test_reserve_takes_all_or_none (void)
{
  g_autoptr (GObject) first = new_object ();
  g_autoptr (GObject) second = new_object ();
  g_autoptr (ChanMessage) message = new_pair (first, second);
  g_autoptr (GError) error = NULL;
  g_autoptr (GObject) stolen = chan_message_steal_handle (message, 1);
  g_autoptr (GObject) other = NULL;

  g_assert_true (stolen == second);
  g_assert_false (chan_message_reserve_handles (message, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);
  /* the first is free again */
  other = chan_message_steal_handle (message, 0);
  g_assert_true (other == first);
}

static void
test_taken_handles_are_gone (void)
{
  g_autoptr (GObject) first = new_object ();
  g_autoptr (GObject) second = new_object ();
  g_autoptr (ChanMessage) message = new_pair (first, second);
  g_autoptr (GObject) taken = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (chan_message_reserve_handles (message, NULL));
  taken = chan_message_take_reserved (message, 0);
  g_assert_true (taken == first);
  chan_message_unreserve_handles (message);
  g_assert_null (chan_message_get_handle (message, 0));
  g_assert_true (chan_message_get_handle (message, 1) == second);
  g_assert_false (chan_message_reserve_handles (message, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);
}

#define RACE_HANDLES 64
#define RACE_ROUNDS 200

typedef struct
{
  ChanMessage *message;
  guint n_taken;
} Race;

/* Steals, and reserves and gives back, in turns. */
static gpointer
race_thread (gpointer data)
{
  Race *race = data;

  for (guint i = 0; i < RACE_HANDLES; i++)
    {
      g_autoptr (GObject) stolen = chan_message_steal_handle (race->message, i);

      if (stolen != NULL)
        race->n_taken++;
      if (chan_message_reserve_handles (race->message, NULL))
        chan_message_unreserve_handles (race->message);
    }
  return NULL;
}

static void
test_each_handle_is_taken_once (void)
{
  for (guint round = 0; round < RACE_ROUNDS; round++)
    {
      GObject **handles = g_new (GObject *, RACE_HANDLES);
      Race one = { 0 };
      Race two = { 0 };
      GThread *thread = NULL;
      guint n_left = 0;

      for (guint i = 0; i < RACE_HANDLES; i++)
        handles[i] = new_object ();
      one.message = chan_message_new_received (chan_body_new_variant (g_variant_new_int32 (0)), handles, RACE_HANDLES);
      two.message = one.message;
      thread = g_thread_new ("race", race_thread, &two);
      race_thread (&one);
      g_thread_join (thread);
      for (guint i = 0; i < RACE_HANDLES; i++)
        n_left += chan_message_get_handle (one.message, i) != NULL;
      g_assert_cmpuint (one.n_taken + two.n_taken + n_left, ==, RACE_HANDLES);
      chan_message_unref (one.message);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/message/body-is-kept", test_body_is_kept);
  g_test_add_func ("/message/bytes-are-not-copied", test_bytes_are_not_copied);
  g_test_add_func ("/message/bytes-of-a-variant", test_bytes_of_a_variant);
  g_test_add_func ("/message/boxed-type-counts-references", test_boxed_type_counts_references);
  g_test_add_func ("/message/index-out-of-range-is-refused", test_index_out_of_range_is_refused);
  g_test_add_func ("/message/too-deep-body-is-refused", test_too_deep_body_is_refused);
  g_test_add_func ("/message/deepest-body-survives-serialising", test_deepest_body_survives_serialising);
  g_test_add_func ("/message/get-borrows-and-steal-takes", test_get_borrows_and_steal_takes);
  g_test_add_func ("/message/handles-go-with-the-message", test_handles_go_with_the_message);
  g_test_add_func ("/message/lookup-by-key", test_lookup_by_key);
  g_test_add_func ("/message/received-message-takes-all", test_received_message_takes_all);
  g_test_add_func ("/message/reserved-handles-cannot-be-taken", test_reserved_handles_cannot_be_taken);
  g_test_add_func ("/message/reserve-takes-all-or-none", test_reserve_takes_all_or_none);
  g_test_add_func ("/message/taken-handles-are-gone", test_taken_handles_are_gone);
  g_test_add_func ("/message/each-handle-is-taken-once", test_each_handle_is_taken_once);
  return g_test_run ();
}

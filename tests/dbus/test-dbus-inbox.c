/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What waits between GDBus's thread and a session is in order, and bounded. */
#include "plugins/dbus/chan-dbus-inbox.h"

#include <poll.h>

#define MAX_BYTES 100000
#define BODY_BYTES 10000
#define LATE 1024

static ChanDBusItem
make_call (guint number)
{
  g_autofree guint8 *bytes = g_malloc0 (BODY_BYTES);
  GDBusMessage *message = g_dbus_message_new_method_call (NULL, "/", "org.libchan.Peer", "Push");

  g_dbus_message_set_serial (message, number + 1);
  bytes[0] = (guint8) number;
  g_dbus_message_set_body (message, g_variant_new ("(@ay)", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, BODY_BYTES, 1)));
  return (ChanDBusItem){ CHAN_DBUS_ITEM_CALL, 0, message };
}

static gboolean
is_readable (ChanDBusInbox *inbox)
{
  struct pollfd fd = { inbox->event_fd, POLLIN, 0 };

  return poll (&fd, 1, 0) == 1;
}

static ChanDBusInbox *
make_inbox (void)
{
  g_autoptr (GError) error = NULL;
  ChanDBusInbox *inbox = chan_dbus_inbox_new (":1.1", MAX_BYTES, &error);

  g_assert_no_error (error);
  return inbox;
}

static void
push (ChanDBusInbox *inbox, guint number, gboolean taken)
{
  ChanDBusItem item = make_call (number);

  g_assert_cmpint (chan_dbus_inbox_push (inbox, item), ==, taken);
  if (!taken)
    g_object_unref (item.message);
}

static void
take (ChanDBusInbox *inbox, guint number, gboolean expect_too_much)
{
  gboolean too_much;
  ChanDBusItem *item = chan_dbus_inbox_take (inbox, &too_much);
  g_autoptr (GVariant) bytes = NULL;
  gsize n;

  g_assert_nonnull (item);
  bytes = g_variant_get_child_value (g_dbus_message_get_body (item->message), 0);
  g_assert_cmpuint (((const guint8 *) g_variant_get_fixed_array (bytes, &n, 1))[0], ==, number);
  g_assert_cmpint (too_much, ==, expect_too_much);
  chan_dbus_item_free (item);
}

static void
test_order (void)
{
  ChanDBusInbox *inbox = make_inbox ();
  gboolean too_much;

  g_assert_false (is_readable (inbox));
  for (guint round = 0; round < 100; round++)
    {
      push (inbox, 1, TRUE);
      push (inbox, 2, TRUE);
      g_assert_true (is_readable (inbox));
      take (inbox, 1, FALSE);
      g_assert_true (is_readable (inbox));
      take (inbox, 2, FALSE);
      g_assert_false (is_readable (inbox));
    }
  g_assert_null (chan_dbus_inbox_take (inbox, &too_much));
  g_assert_false (too_much);
  chan_dbus_inbox_unref (inbox);
}

/* What came before the call that is too much can be looked at, and whoever does learns it. Later calls are not kept, but
 * their answers are, in their places. */
static void
test_full (void)
{
  ChanDBusInbox *inbox = make_inbox ();
  GQueue rest = G_QUEUE_INIT;
  guint n;

  for (n = 0; n < MAX_BYTES / (BODY_BYTES + 1024); n++)
    push (inbox, n, TRUE);
  push (inbox, n, TRUE);
  for (guint i = 0; i < LATE; i++)
    push (inbox, 99, TRUE);
  for (guint i = 0; i < 100; i++)
    push (inbox, 99, FALSE);
  /* Answers are to calls of ours, which we bound, and an end must always be heard. */
  g_assert_true (chan_dbus_inbox_push (inbox, (ChanDBusItem){ CHAN_DBUS_ITEM_GONE, 0, NULL }));
  for (guint i = 0; i <= n; i++)
    take (inbox, i, TRUE);
  chan_dbus_inbox_close (inbox, &rest);
  g_assert_cmpuint (rest.length, ==, LATE + 1);
  for (guint i = 0; i < LATE; i++)
    {
      ChanDBusItem *item = g_queue_pop_head (&rest);

      g_assert_cmpint (item->kind, ==, CHAN_DBUS_ITEM_LATE);
      g_assert_cmpstr (g_dbus_message_get_error_name (item->message), ==, "org.libchan.Error.Limit");
      chan_dbus_item_free (item);
    }
  g_queue_clear_full (&rest, (GDestroyNotify) chan_dbus_item_free);
  chan_dbus_inbox_unref (inbox);
}

static void
test_closed (void)
{
  ChanDBusInbox *inbox = make_inbox ();
  GQueue rest = G_QUEUE_INIT;

  push (inbox, 1, TRUE);
  push (inbox, 2, TRUE);
  chan_dbus_inbox_close (inbox, &rest);
  g_assert_cmpuint (rest.length, ==, 2);
  g_queue_clear_full (&rest, (GDestroyNotify) chan_dbus_item_free);
  push (inbox, 2, FALSE);
  g_assert_false (chan_dbus_inbox_push (inbox, (ChanDBusItem){ CHAN_DBUS_ITEM_GONE, 0, NULL }));
  chan_dbus_inbox_unref (inbox);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/dbus/inbox/in-order", test_order);
  g_test_add_func ("/dbus/inbox/full", test_full);
  g_test_add_func ("/dbus/inbox/closed", test_closed);
  return g_test_run ();
}

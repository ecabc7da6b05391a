/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A peer is quicker than the application: its first channel is over before anybody has the session. */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <libchan-glib/chan-link.h>
#include <libchan-glib/chan-transport.h>
#include <libchan-glib/libchan-glib.h>

#define PATIENCE_US (20 * G_USEC_PER_SEC)
#define EARLY_TYPE_LINK (early_link_get_type ())

G_DECLARE_FINAL_TYPE (EarlyLink, early_link, EARLY, LINK, ChanLink)

/* Says all that a peer says in its first packet. */
struct _EarlyLink
{
  ChanLink parent_instance;
  gboolean begun;
};

G_DEFINE_TYPE (EarlyLink, early_link, CHAN_TYPE_LINK)

static gboolean
early_service (ChanLink *link, GIOCondition ready, GError **error)
{
  EarlyLink *self = EARLY_LINK (link);
  ChanOpenInfo info = { .kind = CHAN_STREAM_RECEIVER, .name = "early", .capacity = 1 };
  guint64 id;

  if (self->begun)
    return TRUE;
  self->begun = TRUE;
  chan_link_ready (link);
  id = chan_link_deliver_open (link, &info);
  g_assert_cmpuint (id, !=, 0);
  chan_link_deliver_reset (link, id, CHAN_CHANNEL_ERROR_RESET, "over already");
  g_assert_cmpuint (chan_link_deliver_open (link, &info), !=, 0);
  return TRUE;
}

static gboolean
early_open (ChanLink *link, guint64 stream, const ChanOpenInfo *info, GError **error)
{
  return TRUE;
}

static void
ignore_grant (ChanLink *link, guint64 stream, gsize bytes, guint messages)
{
}

static void
ignore_stream (ChanLink *link, guint64 stream)
{
}

static void
ignore_end (ChanLink *link, guint64 stream, ChanChannelError code, const char *text)
{
}

static void
ignore_shutdown (ChanLink *link, gboolean drain)
{
}

static gboolean
early_has_room (ChanLink *link, guint64 stream)
{
  return FALSE;
}

static void
early_link_class_init (EarlyLinkClass *klass)
{
  ChanLinkClass *link_class = CHAN_LINK_CLASS (klass);

  link_class->flags = CHAN_LINK_DRIVEN | CHAN_LINK_OWN_WINDOWS;
  link_class->open = early_open;
  link_class->grant = ignore_grant;
  link_class->finish = link_class->forget = ignore_stream;
  link_class->reset = ignore_end;
  link_class->shutdown = ignore_shutdown;
  link_class->service = early_service;
  link_class->has_room = early_has_room;
}

static void
early_link_init (EarlyLink *self)
{
}

static ChanReceiver *
accept_one (ChanSession *session)
{
  g_autoptr (GError) error = NULL;
  ChanReceiver *receiver = chan_session_accept_channel_until (session, g_get_monotonic_time () + PATIENCE_US, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (receiver);
  return receiver;
}

static void
test_early (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanListener) listener = chan_listen ("memory:early", NULL, &error);
  g_autoptr (ChanLink) link = g_object_new (EARLY_TYPE_LINK, NULL);
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanReceiver) first = NULL;
  g_autoptr (ChanReceiver) second = NULL;

  g_assert_no_error (error);
  chan_listener_deliver_link (listener, link);
  session = chan_listener_accept_until (listener, g_get_monotonic_time () + PATIENCE_US, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (chan_session_get_state (session), ==, CHAN_SESSION_OPEN);
  first = accept_one (session);
  g_assert_null (chan_receiver_receive (first, NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
  second = accept_one (session);
  chan_session_abort (session);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/session/a-channel-that-is-over-before-the-session-is-accepted", test_early);
  return g_test_run ();
}

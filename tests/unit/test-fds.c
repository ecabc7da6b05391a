/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A peer that sends file descriptors as it must not: they are closed, all of them, and it hears why. */
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <libchan-glib/libchan-glib.h>

#define PATIENCE_US (20 * G_USEC_PER_SEC)

/* From docs/wire.md */
static const char settings[] = "80030004 00000014 00000002 00000007 00010000 004c4331 00000003";
static const char settings_four[] =
  "80030004 0000001c 00000003 00000007 00010000 004c4331 00000003 004c4332 00000004";
static const char settings_without[] = "80030004 00000014 00000002 00000007 00010000 004c4331 00000001";
static const char channel[] = "80030001 00000064 00000001 00000000 0000 3830e3c6a7c2004a00b5ff00000003"
                              "0000000b6c69626368616e2d726566 0000000132 0000000c6c69626368616e2d6e616d65 000000046a6f6273"
                              "000000106c69626368616e2d6361706163697479 000000023634 000000ffff";

/* The header blocks of a connection are one zlib stream, which begins in the first. */
static const char other_channel[] = "80030001 0000005e 00000003 00000000 0000 004a00b5ff00000003"
                                    "0000000b6c69626368616e2d726566 0000000133 0000000c6c69626368616e2d6e616d65 000000046a6f6273"
                                    "000000106c69626368616e2d6361706163697479 000000023634 000000ffff";

typedef struct
{
  char *directory;
  ChanListener *listener;
  ChanSession *session;
  ChanReceiver *rx;
  int peer;
  int pipe[2];   /* whose write end goes over and over */
  guint n_fds;   /* open when the session was there */
} Fixture;

static guint
count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

/* --- what the peer sends ------------------------------------------------------ */

static void
add_hex (GByteArray *bytes, const char *hex)
{
  for (; *hex != '\0'; hex++)
    if (g_ascii_isxdigit (*hex))
      {
        guint8 byte = (guint8) (g_ascii_xdigit_value (hex[0]) << 4 | g_ascii_xdigit_value (hex[1]));

        g_byte_array_append (bytes, &byte, 1);
        hex++;
      }
}

/* With n descriptors, all the same */
static void
say (Fixture *f, const char *hex, guint n)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  struct iovec vector = { 0 };
  struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
  union
  {
    struct cmsghdr align;
    char bytes[CMSG_SPACE (253 * sizeof (int))];
  } control = { 0 };

  add_hex (bytes, hex);
  vector = (struct iovec){ bytes->data, bytes->len };
  if (n > 0)
    {
      struct cmsghdr *part;

      header.msg_control = &control;
      header.msg_controllen = CMSG_SPACE (n * sizeof (int));
      part = CMSG_FIRSTHDR (&header);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN (n * sizeof (int));
      for (guint i = 0; i < n; i++)
        memcpy (CMSG_DATA (part) + i * sizeof (int), &f->pipe[1], sizeof (int));
    }
  g_assert_cmpint (sendmsg (f->peer, &header, MSG_NOSIGNAL), ==, (gssize) bytes->len);
}

static void
announce (Fixture *f, guint sid, guint announced, guint sent)
{
  g_autofree char *hex = g_strdup_printf ("80034c04 00000008 %08x %08x", sid, announced);

  say (f, hex, sent);
}

/* A message that names descriptor `number` */
static void
name_one (Fixture *f, guint number)
{
  g_autofree char *hex = g_strdup_printf ("00000001 00000014 c7114c 01 01 68 01 06 00000000 %08x 00000000", number);

  say (f, hex, 0);
}

/* --- the session ----------------------------------------------------------------- */

static void
connect_peer (Fixture *f, const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  f->peer = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (connect (f->peer, (struct sockaddr *) &address, sizeof address), ==, 0);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  /* What is behind the # is for the test itself. */
  const char *kind = strchr (data, '#') != NULL ? strchr (data, '#') : "";
  g_autofree char *parameters = g_strndup (data, strcspn (data, "#"));
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  g_autofree char *uri = NULL;

  f->directory = g_dir_make_tmp ("chan-fds-XXXXXX", NULL);
  path = g_build_filename (f->directory, "s", NULL);
  uri = g_strdup_printf ("unix:%s?%s", path, parameters);
  f->listener = chan_listen (uri, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (pipe2 (f->pipe, O_CLOEXEC), ==, 0);
  connect_peer (f, path);
  say (f, strstr (kind, "without") != NULL ? settings_without : strstr (kind, "four") != NULL ? settings_four : settings, 0);
  say (f, channel, 0);
  f->session = chan_listener_accept_until (f->listener, g_get_monotonic_time () + PATIENCE_US, NULL, &error);
  g_assert_no_error (error);
  f->rx = chan_session_accept_channel_until (f->session, g_get_monotonic_time () + PATIENCE_US, NULL, &error);
  g_assert_no_error (error);
  /* What the library keeps for a thread from its first wait on, for which there may have been no need yet */
  g_assert_null (chan_receiver_receive_until (f->rx, g_get_monotonic_time () + 1000, NULL, &error));
  f->n_fds = count_fds ();
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->rx);
  g_clear_object (&f->session);
  chan_listener_close (f->listener);
  g_clear_object (&f->listener);
  close (f->peer);
  close (f->pipe[0]);
  close (f->pipe[1]);
  g_assert_cmpint (g_rmdir (f->directory), ==, 0);
  g_free (f->directory);
}

static ChanMessage *
receive (Fixture *f, GError **error)
{
  return chan_receiver_receive_until (f->rx, g_get_monotonic_time () + PATIENCE_US, NULL, error);
}

static void
assert_ends (Fixture *f, int code, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) none = receive (f, &error);

  g_assert_null (none);
  g_assert_error (error, CHAN_CHANNEL_ERROR, code);
  if (strstr (error->message, text) == NULL)
    g_error ("“%s” does not say “%s”", error->message, text);
}

/* As many are open as before, but for `n_ended` of the session's own; soon. */
static void
assert_all_closed (Fixture *f, guint n_ended)
{
  gint64 deadline = g_get_monotonic_time () + PATIENCE_US;

  while (count_fds () != f->n_fds - n_ended && g_get_monotonic_time () < deadline)
    g_usleep (1000);
  g_assert_cmpuint (count_fds (), ==, f->n_fds - n_ended);
}

/* --- as it should be, so that the rest is a test ------------------------------------- */

static void
test_fine (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanMessage) message = NULL;
      GObject *handle;

      announce (f, 1, 1, 1);
      name_one (f, i);
      message = receive (f, &error);
      g_assert_no_error (error);
      handle = chan_message_get_handle (message, 0);
      g_assert_true (CHAN_IS_FD (handle));
      g_assert_cmpint (write (chan_fd_get (CHAN_FD (handle)), "x", 1), ==, 1);
    }
  assert_all_closed (f, 0);
}

/* --- the connection ends ---------------------------------------------------------------- */

static void
test_missing (Fixture *f, gconstpointer data)
{
  announce (f, 1, 3, 2);
  assert_ends (f, CHAN_CHANNEL_ERROR_PROTOCOL, "announced that did not come");
  assert_all_closed (f, 1);
}

static void
test_excess (Fixture *f, gconstpointer data)
{
  announce (f, 1, 2, 3);
  assert_ends (f, CHAN_CHANNEL_ERROR_PROTOCOL, "not announced");
  assert_all_closed (f, 1);
}

static void
test_unannounced (Fixture *f, gconstpointer data)
{
  say (f, "80030006 00000004 00000001", 5);
  assert_ends (f, CHAN_CHANNEL_ERROR_PROTOCOL, "not announced");
  assert_all_closed (f, 1);
}

static void
test_flood (Fixture *f, gconstpointer data)
{
  say (f, "80030004 00003000", 200);
  say (f, "00", 200);
  assert_ends (f, CHAN_CHANNEL_ERROR_PROTOCOL, "too many file descriptors");
  assert_all_closed (f, 1);
}

/* The kernel drops what it has no number for. */
static void
test_no_numbers (Fixture *f, gconstpointer data)
{
  struct rlimit before, few;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  few = before;
  few.rlim_cur = f->n_fds + 6;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &few), ==, 0);
  announce (f, 1, 16, 16);
  assert_ends (f, CHAN_CHANNEL_ERROR_LIMIT, "were lost");
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
  assert_all_closed (f, 1);
}

/* --- the channel ends --------------------------------------------------------------------- */

static void
test_message_limit (Fixture *f, gconstpointer data)
{
  announce (f, 1, 5, 5);
  assert_ends (f, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "at most 4 file descriptors, not 5");
  assert_all_closed (f, 0);
  g_assert_cmpint (chan_session_get_state (f->session), ==, CHAN_SESSION_OPEN);
}

/* Announced and never named; or named, and not taken by the application. */
static void
test_session_limit (Fixture *f, gconstpointer data)
{
  gboolean named = strstr (data, "#named") != NULL;
  g_autoptr (GError) error = NULL;
  guint n = 0;

  for (guint i = 0; i < 8; i++)
    {
      announce (f, 1, 1, 1);
      if (named)
        name_one (f, i);
    }
  announce (f, 1, 1, 1);
  while (error == NULL)
    {
      g_autoptr (ChanMessage) message = NULL;

      /* All must be here before the first is taken, which makes room. */
      if (n == 0)
        g_usleep (300000);
      message = receive (f, &error);
      n += message != NULL;
    }
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
  g_assert_nonnull (strstr (error->message, "More than 8 file descriptors"));
  g_assert_cmpuint (n, ==, named ? 8 : 0);
  assert_all_closed (f, 0);
}

static void
test_unknown (Fixture *f, gconstpointer data)
{
  announce (f, 1, 1, 1);
  name_one (f, 1);
  assert_ends (f, CHAN_CHANNEL_ERROR_PROTOCOL, "did not come for it");
  assert_all_closed (f, 0);
}

static void
test_named_twice (Fixture *f, gconstpointer data)
{
  announce (f, 1, 1, 1);
  say (f, "00000001 00000024 c7214c 01 04 28686829 02 06 0000000000000000 06 0000000000000000 00000000 01000000", 0);
  assert_ends (f, CHAN_CHANNEL_ERROR_PROTOCOL, "did not come for it");
  assert_all_closed (f, 0);
}

/* Of another channel's */
static void
test_stolen (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanReceiver) other = NULL;

  say (f, other_channel, 0);
  other = chan_session_accept_channel_until (f->session, g_get_monotonic_time () + PATIENCE_US, NULL, &error);
  g_assert_no_error (error);
  announce (f, 3, 1, 1);
  name_one (f, 0);
  assert_ends (f, CHAN_CHANNEL_ERROR_PROTOCOL, "did not come for it");
  g_clear_object (&other);
  assert_all_closed (f, 0);
}

/* --- not agreed on ---------------------------------------------------------------------------- */

/* The kernel closes what nobody asks for. */
static void
test_turned_off (Fixture *f, gconstpointer data)
{
  say (f, "80030006 00000004 00000001", 5);
  name_one (f, 0);
  assert_ends (f, CHAN_CHANNEL_ERROR_PROTOCOL, "did not come for it");
  assert_all_closed (f, 0);
}

/* A peer that does not take them gets bytes. */
static void
test_peer_without (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSender) tx = chan_session_open_channel (f->session, NULL, &error);
  g_autoptr (ChanFd) fd = chan_fd_new (open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  GObject *handle = G_OBJECT (fd);
  g_autoptr (ChanMessage) message = chan_message_new_with_handles (g_variant_new ("h", 0), &handle, 1);

  g_assert_no_error (error);
  g_assert_false (chan_sender_send_until (tx, message, g_get_monotonic_time () + PATIENCE_US, NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED);
  g_assert_cmpint (chan_fd_get (fd), >=, 0);
}

/* Nothing of it reaches the socket, which would end with it. */
static void
test_not_open (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSender) tx = chan_session_open_channel (f->session, NULL, &error);
  int number = fcntl (f->pipe[0], F_DUPFD_CLOEXEC, 500);
  g_autoptr (ChanFd) fd = chan_fd_new (number);
  GObject *handle = G_OBJECT (fd);
  g_autoptr (ChanMessage) message = chan_message_new_with_handles (g_variant_new ("h", 0), &handle, 1);

  g_assert_no_error (error);
  close (number);
  g_assert_false (chan_sender_send_until (tx, message, g_get_monotonic_time () + PATIENCE_US, NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  g_assert_cmpint (chan_session_get_state (f->session), ==, CHAN_SESSION_OPEN);
  g_assert_cmpint (chan_fd_steal (fd), ==, number);
}

/* --- what the peer takes ------------------------------------------------------------------------- */

static gboolean
try_send (ChanSender *tx, guint n, GError **error)
{
  g_autoptr (GPtrArray) handles = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (ChanMessage) message = NULL;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("ah"));
  for (guint i = 0; i < n; i++)
    {
      g_ptr_array_add (handles, chan_fd_new (open ("/dev/null", O_RDONLY | O_CLOEXEC)));
      g_variant_builder_add (&builder, "h", (gint32) i);
    }
  message = chan_message_new_with_handles (g_variant_builder_end (&builder), (GObject **) handles->pdata, n);
  return chan_sender_try_send (tx, message, error);
}

static void
assert_sent (ChanSender *tx, guint n)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (try_send (tx, n, &error));
  g_assert_no_error (error);
}

static void
assert_not_sent (ChanSender *tx, guint n, GQuark domain, int code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (try_send (tx, n, &error));
  g_assert_error (error, domain, code);
}

static gboolean
count_cb (gpointer data)
{
  (*(guint *) data)++;
  return G_SOURCE_REMOVE;
}

/* Until it says that its application has taken some: then whoever waits for room hears of it. */
static void
test_credit (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSender) tx = chan_session_open_channel (f->session, NULL, &error);
  g_autoptr (ChanSender) other = chan_session_open_channel (f->session, NULL, &error);
  g_autoptr (ChanSender) third = chan_session_open_channel (f->session, NULL, &error);
  g_autoptr (GSource) source = chan_sender_create_source (tx, NULL);
  guint n_writable = 0;

  g_source_set_callback (source, count_cb, &n_writable, NULL);
  assert_not_sent (tx, 5, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  assert_sent (tx, 3);
  assert_not_sent (tx, 2, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  assert_sent (other, 1);
  assert_not_sent (other, 1, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  assert_sent (other, 0);
  assert_not_sent (tx, 1, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_source_attach (source, NULL);
  for (guint i = 0; i < 20; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_cmpuint (n_writable, ==, 0);
  say (f, "80034c01 00000008 00000002 00000001", 0);
  while (n_writable == 0)
    g_main_context_iteration (NULL, TRUE);
  assert_sent (tx, 2);
  assert_not_sent (other, 2, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  /* The other channel ends: nothing of it is waited for. */
  say (f, "80030003 00000008 00000004 00000005", 0);
  while (!chan_sender_get_peer_closed (other))
    g_main_context_iteration (NULL, TRUE);
  /* One channel leaves as much to others as it has. */
  assert_not_sent (tx, 1, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  assert_sent (third, 2);
}

#define ADD(path, parameters, test) g_test_add ("/fds/" path, Fixture, parameters, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("as-they-should-be", "session-fds=2", test_fine);
  ADD ("fewer-than-announced", "capacity=64", test_missing);
  ADD ("more-than-announced", "capacity=64", test_excess);
  ADD ("not-announced", "capacity=64", test_unannounced);
  ADD ("flood-inside-a-frame", "capacity=64", test_flood);
  ADD ("no-numbers-left", "capacity=64", test_no_numbers);
  ADD ("message-limit", "message-fds=4", test_message_limit);
  ADD ("session-limit", "session-fds=8", test_session_limit);
  ADD ("session-limit-not-taken", "session-fds=8#named", test_session_limit);
  ADD ("number-that-did-not-come", "capacity=64", test_unknown);
  ADD ("named-twice", "capacity=64", test_named_twice);
  ADD ("of-another-channel", "capacity=64", test_stolen);
  ADD ("turned-off", "message-fds=0", test_turned_off);
  ADD ("not-open", "capacity=64", test_not_open);
  ADD ("peer-without", "capacity=64#without", test_peer_without);
  ADD ("credit", "capacity=64#four", test_credit);
  return g_test_run ();
}

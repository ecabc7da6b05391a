/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-test-bus.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The limits are those of a system bus, where they are lower than those of a session bus. */
static const char configuration[] =
  "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
  " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
  "<busconfig>\n"
  "  <type>session</type>\n"
  "  <listen>unix:path=%s/bus</listen>\n"
  "  <auth>EXTERNAL</auth>\n"
  "  <servicedir>%s/services</servicedir>\n"
  "  <policy context=\"default\">\n"
  "    <allow send_destination=\"*\" eavesdrop=\"true\"/>\n"
  "    <allow eavesdrop=\"true\"/>\n"
  "    <allow own=\"*\"/>\n"
  "  </policy>\n"
  "  <limit name=\"max_names_per_connection\">50000</limit>\n"
  "  <limit name=\"max_completed_connections\">100000</limit>\n"
  "  <limit name=\"max_connections_per_user\">100000</limit>\n"
  "  %s\n"
  "</busconfig>\n";

static void
child_setup (gpointer data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

static void
write_configuration (ChanTestBus *self, const char *path, const char *more)
{
  g_autofree char *text = g_strdup_printf (configuration, self->directory, self->directory, more != NULL ? more : "");

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

/* It prints its address when it listens. */
static char *
read_address (int fd)
{
  char line[512];
  gsize n = 0;

  while (n < sizeof line - 1 && read (fd, line + n, 1) == 1 && line[n] != '\n')
    n++;
  line[n] = '\0';
  close (fd);
  g_assert_true (g_str_has_prefix (line, "unix:"));
  return g_strdup (line);
}

ChanTestBus *
chan_test_bus_start (const char *more)
{
  ChanTestBus *self = g_new0 (ChanTestBus, 1);
  g_autofree char *services = NULL;
  g_autofree char *path = NULL;
  g_autofree char *option = NULL;
  g_autoptr (GError) error = NULL;
  const char *arguments[] = { "dbus-daemon", "--nofork", "--nopidfile", "--print-address", NULL, NULL };
  int out = -1;

  self->directory = g_dir_make_tmp ("chan-test-bus-XXXXXX", &error);
  g_assert_no_error (error);
  services = g_build_filename (self->directory, "services", NULL);
  g_assert_cmpint (g_mkdir (services, 0700), ==, 0);
  path = g_build_filename (self->directory, "bus.conf", NULL);
  option = g_strconcat ("--config-file=", path, NULL);
  write_configuration (self, path, more);
  arguments[4] = option;
  g_spawn_async_with_pipes (NULL, (char **) arguments, NULL,
                            G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, child_setup, NULL, &self->pid, NULL, &out, NULL, &error);
  g_assert_no_error (error);
  self->address = read_address (out);
  return self;
}

void
chan_test_bus_kill (ChanTestBus *self)
{
  if (self->pid == 0)
    return;
  kill (self->pid, SIGKILL);
  waitpid (self->pid, NULL, 0);
  self->pid = 0;
}

static void
remove_directory (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);

  for (const char *name = g_dir_read_name (dir); name != NULL; name = g_dir_read_name (dir))
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_file_test (child, G_FILE_TEST_IS_DIR))
        remove_directory (child);
      else
        g_unlink (child);
    }
  g_rmdir (path);
}

void
chan_test_bus_stop (ChanTestBus *self)
{
  chan_test_bus_kill (self);
  remove_directory (self->directory);
  g_free (self->directory);
  g_free (self->address);
  g_free (self);
}

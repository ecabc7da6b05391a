/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

/* Where modules are looked for, seen from outside: each test starts
 * transport-probe in an environment. */

typedef struct
{
  char *first, *second, *empty; /* directories */
  char *output, *errors;        /* of the program that ran last */
} Fixture;

static char *
make_dir (const char *module)
{
  g_autoptr (GError) error = NULL;
  char *dir = g_dir_make_tmp ("chan-modules-XXXXXX", &error);

  g_assert_no_error (error);
  if (module != NULL)
    {
      g_autofree char *built = g_test_build_filename (G_TEST_BUILT, "broken-plugins", module, NULL);
      g_autofree char *path = g_build_filename (dir, "libchantransport-twice.so", NULL);

      g_assert_cmpint (symlink (built, path), ==, 0);
    }
  return dir;
}

static void
remove_dir (char *dir)
{
  g_autofree char *module = g_build_filename (dir, "libchantransport-twice.so", NULL);

  g_unlink (module);
  g_assert_cmpint (g_rmdir (dir), ==, 0);
  g_free (dir);
}

static void
setup (Fixture *f, gconstpointer data)
{
  f->first = make_dir ("libchantransport-twice-first.so");
  f->second = make_dir ("libchantransport-twice-second.so");
  f->empty = make_dir (NULL);
}

static void
teardown (Fixture *f, gconstpointer data)
{
  remove_dir (f->first);
  remove_dir (f->second);
  remove_dir (f->empty);
  g_free (f->output);
  g_free (f->errors);
}

/* extra, instead: the variables; NULL: not set. fatal: whether a warning ends it. */
static void
probe (Fixture *f, const char *program, const char *extra, const char *instead, gboolean fatal, const char *uri)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;

  g_subprocess_launcher_unsetenv (launcher, "CHAN_EXTRA_MODULES");
  g_subprocess_launcher_unsetenv (launcher, "CHAN_MODULE_DIR");
  if (extra != NULL)
    g_subprocess_launcher_setenv (launcher, "CHAN_EXTRA_MODULES", extra, TRUE);
  if (instead != NULL)
    g_subprocess_launcher_setenv (launcher, "CHAN_MODULE_DIR", instead, TRUE);
  if (!fatal)
    g_subprocess_launcher_unsetenv (launcher, "G_DEBUG");
  process = g_subprocess_launcher_spawn (launcher, &error, program, uri, NULL);
  g_assert_no_error (error);
  g_clear_pointer (&f->output, g_free);
  g_clear_pointer (&f->errors, g_free);
  g_subprocess_communicate_utf8 (process, NULL, NULL, &f->output, &f->errors, &error);
  g_assert_no_error (error);
  if (!g_subprocess_get_successful (process))
    g_error ("%s failed: %s%s", program, f->output, f->errors);
  if (fatal)
    g_assert_cmpstr (f->errors, ==, "");
}

static void
assert_says (Fixture *f, const char *text)
{
  if (strstr (f->output, text) == NULL)
    g_error ("“%s” is not in: %s", text, f->output);
}

static void
assert_does_not_say (Fixture *f, const char *text)
{
  if (strstr (f->output, text) != NULL)
    g_error ("“%s” is in: %s", text, f->output);
}

static char *
built_program (const char *name)
{
  return g_test_build_filename (G_TEST_BUILT, "broken-plugins", name, NULL);
}

/* CHAN_MODULE_DIR stands for the installed directory, not beside it. */
static void
test_instead (Fixture *f, gconstpointer data)
{
  g_autofree char *program = built_program ("transport-probe");

  probe (f, program, NULL, f->second, TRUE, "twice:x");
  assert_says (f, "schemes: memory twice\n");
  assert_says (f, "twice:x: I am twice-second\n");
}

static void
test_extra_comes_first (Fixture *f, gconstpointer data)
{
  g_autofree char *program = built_program ("transport-probe");
  g_autofree char *extra = g_strdup_printf (":%s:%s", f->empty, f->first);
  g_autofree char *both = g_strdup_printf ("%s:%s", f->second, f->first);

  probe (f, program, extra, f->second, TRUE, "twice:x");
  assert_says (f, "twice:x: I am twice-first\n");
  probe (f, program, both, f->empty, TRUE, "twice:x");
  assert_says (f, "twice:x: I am twice-second\n");
}

/* The other directories go on counting. */
static void
test_extra_comes_beside (Fixture *f, gconstpointer data)
{
  g_autofree char *program = built_program ("transport-probe");

  probe (f, program, f->first, g_getenv ("CHAN_MODULE_DIR"), TRUE, "unix:/nonexistent/socket");
  assert_says (f, "schemes: dbus memory tcp tls twice unix\n");
  assert_says (f, "unix:/nonexistent/socket: Cannot connect to unix:/nonexistent/socket: nobody listens there\n");
}

static void
test_missing_dir (Fixture *f, gconstpointer data)
{
  g_autofree char *program = built_program ("transport-probe");
  g_autofree char *missing = g_build_filename (f->empty, "missing", NULL);
  g_autofree char *expected = g_strdup_printf ("tcp://127.0.0.1:1: There is no transport for “tcp:”: "
                                               "no libchantransport-tcp.so in %s, %s (no such directory); there are memory:\n",
                                               f->empty, missing);

  probe (f, program, f->empty, missing, TRUE, "tcp://127.0.0.1:1");
  assert_says (f, "schemes: memory\n");
  assert_says (f, expected);
}

/* Not the current directory. */
static void
test_empty_variables (Fixture *f, gconstpointer data)
{
  g_autofree char *program = built_program ("transport-probe");
  g_autofree char *before = g_get_current_dir ();

  g_assert_cmpint (g_chdir (f->first), ==, 0);
  probe (f, program, "", "", TRUE, "twice:x");
  g_assert_cmpint (g_chdir (before), ==, 0);
  assert_does_not_say (f, "I am twice-first");
  assert_does_not_say (f, "in libchantransport");
}

/* A type name that is taken is a mistake that GObject itself complains about; what we do is say no, and live. */
static void
test_same_type (Fixture *f, gconstpointer data)
{
  g_autofree char *program = built_program ("transport-probe");
  g_autofree char *dir = g_path_get_dirname (program);

  probe (f, program, NULL, dir, FALSE, "sametype:x");
  assert_says (f, "libchantransport-sametype.so registers ");
  assert_says (f, "which is not a ChanTransport; there are ");
}

/* A group that is not ours now, but that a file of ours may have. */
static gboolean
find_other_group (gid_t *ret_group)
{
  gid_t groups[64];
  int n = getgroups (G_N_ELEMENTS (groups), groups);

  for (int i = 0; i < n; i++)
    if (groups[i] != getegid ())
      {
        *ret_group = groups[i];
        return TRUE;
      }
  *ret_group = 65534;
  return geteuid () == 0;
}

static char *
copy_program (const char *name)
{
  g_autofree char *program = built_program (name);
  char *path = g_strconcat (program, "-privileged", NULL);
  g_autoptr (GFile) from = g_file_new_for_path (program);
  g_autoptr (GFile) to = g_file_new_for_path (path);
  g_autoptr (GError) error = NULL;

  g_file_copy (from, to, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  return path;
}

/* With a group of its own (set-group-ID) it trusts neither variable. */
static void
test_privileged (Fixture *f, gconstpointer data)
{
  g_autofree char *program = NULL;
  gid_t group;

  if (!find_other_group (&group))
    {
      g_test_skip ("there is no second group to give to a program");
      return;
    }
  program = copy_program ("transport-probe-static");
  probe (f, program, f->first, f->second, TRUE, "twice:x");
  assert_says (f, "secure: 0\n");
  assert_says (f, " twice\n");
  g_assert_cmpint (chown (program, (uid_t) -1, group), ==, 0);
  g_assert_cmpint (chmod (program, 02755), ==, 0);
  probe (f, program, f->first, f->second, TRUE, "nosuch:x");
  g_unlink (program);
  if (strstr (f->output, "secure: 0\n") != NULL)
    {
      g_test_skip ("set-group-ID does nothing here (nosuid, or no new privileges)");
      return;
    }
  assert_says (f, "secure: 1\n");
  assert_does_not_say (f, "twice");
  assert_says (f, "There is no transport for “nosuch:”");
  assert_does_not_say (f, f->first);
  assert_does_not_say (f, f->second);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/module-dirs/" name, Fixture, NULL, setup, func, teardown)
  ADD ("instead", test_instead);
  ADD ("extra-comes-first", test_extra_comes_first);
  ADD ("extra-comes-beside", test_extra_comes_beside);
  ADD ("missing", test_missing_dir);
  ADD ("empty-variables", test_empty_variables);
  ADD ("same-type", test_same_type);
  ADD ("privileged", test_privileged);
#undef ADD
  return g_test_run ();
}

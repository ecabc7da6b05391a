/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench-dbus.h"

#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Plain calls of GDBus: what D-Bus itself costs a GLib program. */

#define NAME "org.libchan.Bench"
#define IN_FLIGHT 64

static const char introspection[] =
  "<node><interface name='org.libchan.Bench'><method name='Echo'>"
  "<arg type='ay' direction='in'/><arg type='ay' direction='out'/></method></interface></node>";

static const char configuration[] =
  "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
  " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
  "<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>\n"
  "<policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n";

/* --- the bus --- */

static void
child_setup (gpointer data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

char *
bench_dbus_start (void)
{
  g_autofree char *path = g_strdup_printf ("%s/bus-%d", bench_directory, getpid ());
  g_autofree char *config = g_strconcat (path, ".conf", NULL);
  g_autofree char *option = g_strconcat ("--config-file=", config, NULL);
  g_autofree char *text = g_strdup_printf (configuration, path);
  const char *arguments[] = { "dbus-daemon", "--nofork", "--nopidfile", "--print-address", option, NULL };
  g_autoptr (GError) error = NULL;
  GPid pid;
  char byte;
  int out;

  if (!g_file_set_contents (config, text, -1, &error) ||
      !g_spawn_async_with_pipes (NULL, (char **) arguments, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_DO_NOT_REAP_CHILD,
                                 child_setup, NULL, &pid, NULL, &out, NULL, &error))
    bench_fail ("dbus-daemon", error);
  if (read (out, &byte, 1) != 1)
    bench_fail ("dbus-daemon", NULL);
  return g_strconcat ("unix:path=", path, NULL);
}

char *
bench_dbus_uri (const BenchItem *item)
{
  g_autofree char *address = NULL;

  if (g_str_equal (item->transport, "dbus-peer"))
    return g_strdup_printf ("dbus:unix:path=%s/peer-%d?direct=never", bench_directory, getpid ());
  address = bench_dbus_start ();
  return g_strdup_printf ("dbus:%s?name=" NAME "&direct=%s", address, g_str_equal (item->transport, "dbus-direct") ? "require" : "never");
}

/* --- the server --- */

static void
called (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *method,
        GVariant *parameters, GDBusMethodInvocation *invocation, gpointer data)
{
  g_dbus_method_invocation_return_value (invocation, parameters);
}

static void
export (GDBusConnection *connection)
{
  static const GDBusInterfaceVTable vtable = { called, NULL, NULL };
  GDBusNodeInfo *node = g_dbus_node_info_new_for_xml (introspection, NULL);

  g_dbus_connection_register_object (connection, "/", node->interfaces[0], &vtable, NULL, NULL, NULL);
}

static gboolean
connected (GDBusServer *server, GDBusConnection *connection, gpointer data)
{
  export (g_object_ref (connection));
  return TRUE;
}

static GDBusConnection *
connect_to (const char *address, gboolean bus)
{
  g_autoptr (GError) error = NULL;
  GDBusConnection *connection
    = g_dbus_connection_new_for_address_sync (address,
                                              G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                                | (bus ? G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION : 0),
                                              NULL, NULL, &error);

  if (connection == NULL)
    bench_fail ("connect", error);
  return connection;
}

static gboolean
is_bus (const BenchItem *item)
{
  return g_str_equal (item->transport, "bus");
}

static void
serve (const BenchItem *item, int control)
{
  g_autofree char *address = is_bus (item) ? bench_dbus_start () : g_strdup_printf ("unix:path=%s/gdbus-%d", bench_directory, getpid ());
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autoptr (GVariant) owned = NULL;
  GDBusConnection *connection;
  GDBusServer *server;

  if (is_bus (item))
    {
      connection = connect_to (address, TRUE);
      export (connection);
      owned = g_dbus_connection_call_sync (connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                           "RequestName", g_variant_new ("(su)", NAME, 0), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
    }
  else
    {
      server = g_dbus_server_new_sync (address, G_DBUS_SERVER_FLAGS_NONE, guid, NULL, NULL, NULL);
      g_signal_connect (server, "new-connection", G_CALLBACK (connected), NULL);
      g_dbus_server_start (server);
    }
  bench_say (control, address);
  for (;;)
    g_main_context_iteration (NULL, TRUE);
}

/* --- the client --- */

static GVariant *
argument (const BenchItem *item)
{
  g_autofree guint8 *bytes = g_malloc0 (item->size);

  return g_variant_new ("(@ay)", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, item->size, 1));
}

static double
call (const BenchItem *item, const char *address)
{
  GDBusConnection *connection = connect_to (address, is_bus (item));
  double start = bench_seconds ();

  for (guint64 i = 0; i < item->n; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) reply = g_dbus_connection_call_sync (connection, is_bus (item) ? NAME : NULL, "/", NAME, "Echo", argument (item),
                                                                NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);

      if (reply == NULL)
        bench_fail ("call", error);
    }
  return bench_value (item, bench_seconds () - start);
}

static void
answered (GObject *connection, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (connection), result, &error);

  if (reply == NULL)
    bench_fail ("call", error);
  --*(guint64 *) data;
}

/* With so many on their way. */
static double
calls (const BenchItem *item, const char *address)
{
  GDBusConnection *connection = connect_to (address, is_bus (item));
  double start = bench_seconds ();
  guint64 waiting = 0;

  for (guint64 i = 0; i < item->n; i++)
    {
      waiting++;
      g_dbus_connection_call (connection, is_bus (item) ? NAME : NULL, "/", NAME, "Echo", argument (item), NULL, G_DBUS_CALL_FLAGS_NONE, -1,
                              NULL, answered, &waiting);
      while (waiting >= IN_FLIGHT)
        g_main_context_iteration (NULL, TRUE);
    }
  while (waiting > 0)
    g_main_context_iteration (NULL, TRUE);
  return bench_value (item, bench_seconds () - start);
}

static const BenchItem items[] = {
  { "gdbus-call", NULL, "µs", "bus", TRUE, TRUE, 3000, 64, "", serve, call },
  { "gdbus-peer-call", NULL, "µs", "peer", TRUE, TRUE, 3000, 64, "", serve, call },
  { "gdbus-calls", NULL, "M/s", "bus", FALSE, FALSE, 20000, 64, "", serve, calls },
  { "gdbus-peer-calls", NULL, "M/s", "peer", FALSE, FALSE, 20000, 64, "", serve, calls },
};

const BenchItem *
bench_dbus_items (guint *n)
{
  g_autofree char *daemon = g_find_program_in_path ("dbus-daemon");

  *n = daemon != NULL ? G_N_ELEMENTS (items) : 0;
  return items;
}

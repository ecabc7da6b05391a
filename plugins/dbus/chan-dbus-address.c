/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-address.h"

#include <string.h>

#include <libchan-glib/chan-error.h>

#define DEFAULT_PATH "/org/libchan/Listener"
/* With what is added for a session, it is less than CHAN_DBUS_PATH_SIZE. */
#define BASE_MAX 400
#define SYSTEM_BUS "unix:path=/var/run/dbus/system_bus_socket"

static gboolean
fail (GError **error, const char *text)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, text);
  return FALSE;
}

/* As libdbus finds it, but a bus is never started. */
static char *
session_bus (GError **error)
{
  const char *address = g_getenv ("DBUS_SESSION_BUS_ADDRESS");
  const char *runtime_dir = g_getenv ("XDG_RUNTIME_DIR");
  g_autofree char *escaped = NULL;

  if (address != NULL && *address != '\0')
    return g_strdup (address);
  if (runtime_dir != NULL && *runtime_dir != '\0')
    {
      escaped = g_dbus_address_escape_value (runtime_dir);
      return g_strconcat ("unix:path=", escaped, "/bus", NULL);
    }
  fail (error, "There is no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set");
  return NULL;
}

static char *
find_address (const char *text, GError **error)
{
  const char *system = g_getenv ("DBUS_SYSTEM_BUS_ADDRESS");

  if (g_str_equal (text, "session"))
    return session_bus (error);
  if (g_str_equal (text, "system"))
    return g_strdup (system != NULL && *system != '\0' ? system : SYSTEM_BUS);
  if (*text != '\0' && g_dbus_is_supported_address (text, NULL))
    return g_strdup (text);
  fail (error, "Write dbus:session, dbus:system, or dbus: and a D-Bus address, such as dbus:unix:path=/PATH");
  return NULL;
}

/* org.example.Chan → /org/example/Chan */
static char *
path_of_name (const char *name)
{
  char *path = g_strconcat ("/", name, NULL);

  for (char *c = path; *c != '\0'; c++)
    *c = *c == '.' ? '/' : *c == '-' ? '_' : *c;
  return path;
}

static ChanDBusDirect
read_direct (ChanOptions *options)
{
  const char *text = chan_options_get_string (options, "direct");

  if (g_strcmp0 (text, "never") == 0)
    return CHAN_DBUS_DIRECT_NEVER;
  return g_strcmp0 (text, "require") == 0 ? CHAN_DBUS_DIRECT_REQUIRE : CHAN_DBUS_DIRECT_AUTO;
}

static gboolean
read_names (ChanDBusAddress *self, const char *where, const char *name, const char *path, GError **error)
{
  if (name != NULL && *name != '\0')
    {
      if (!g_dbus_is_name (name) || g_dbus_is_unique_name (name))
        return fail (error, "“name” must be a well-known bus name, such as org.example.Chan");
      self->name = g_strdup (name);
    }
  else if (g_str_equal (where, "session") || g_str_equal (where, "system"))
    return fail (error, "On a bus a name is needed: dbus:session?name=org.example.Chan");
  if (path != NULL && *path != '\0' && (!g_variant_is_object_path (path) || g_str_equal (path, "/")))
    return fail (error, "“path” must be an object path, such as /org/example/Chan");
  if (path != NULL && strlen (path) > BASE_MAX)
    return fail (error, "“path” may have 400 bytes");
  if (path != NULL && *path != '\0')
    self->path = g_strdup (path);
  else
    self->path = self->name != NULL ? path_of_name (self->name) : g_strdup (DEFAULT_PATH);
  return TRUE;
}

ChanDBusAddress *
chan_dbus_address_new (ChanOperation *operation, GError **error)
{
  g_autoptr (ChanDBusAddress) self = g_new0 (ChanDBusAddress, 1);
  ChanOptions *options = chan_operation_get_options (operation);
  const char *where = g_uri_get_path (chan_operation_get_uri (operation));

  if (!read_names (self, where, chan_options_get_string (options, "name"), chan_options_get_string (options, "path"), error))
    return NULL;
  self->address = find_address (where, error);
  if (self->address == NULL)
    return NULL;
  self->direct = read_direct (options);
  return g_steal_pointer (&self);
}

void
chan_dbus_address_free (ChanDBusAddress *self)
{
  g_free (self->address);
  g_free (self->name);
  g_free (self->path);
  g_free (self);
}

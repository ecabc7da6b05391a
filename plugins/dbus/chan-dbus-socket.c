/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-socket.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <gio/gio.h>
#include <libchan-glib/chan-error.h>

static gboolean
fail (GError **error, const char *text)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, text);
  return FALSE;
}

/* The one key that says where, unescaped. */
static char *
read_value (const char *address, gboolean *is_path)
{
  g_auto (GStrv) pairs = NULL;

  if (!g_str_has_prefix (address, "unix:") || strchr (address, ';') != NULL)
    return NULL;
  pairs = g_strsplit (address + strlen ("unix:"), ",", -1);
  for (char **pair = pairs; *pair != NULL; pair++)
    {
      *is_path = g_str_has_prefix (*pair, "path=");
      if (*is_path || g_str_has_prefix (*pair, "abstract="))
        return g_uri_unescape_string (strchr (*pair, '=') + 1, NULL);
    }
  return NULL;
}

static gboolean
read_address (const char *text, struct sockaddr_un *address, socklen_t *len, GError **error)
{
  gboolean is_path = FALSE;
  g_autofree char *value = read_value (text, &is_path);

  memset (address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (value == NULL || *value == '\0')
    return fail (error, "Without a name to own, listening is at dbus:unix:path=/PATH or dbus:unix:abstract=NAME");
  if (strlen (value) + 1 >= sizeof address->sun_path)
    return fail (error, "The path of a Unix socket is too long");
  strcpy (address->sun_path + (is_path ? 0 : 1), value);
  *len = (socklen_t) (is_path ? sizeof *address : G_STRUCT_OFFSET (struct sockaddr_un, sun_path) + 1 + strlen (value));
  return TRUE;
}

ChanUnixSocket *
chan_dbus_socket_listen (const char *text, ChanOptions *options, GError **error)
{
  g_autofree char *uri = g_strconcat ("dbus:", text, NULL);
  struct sockaddr_un address;
  socklen_t len = 0;

  return read_address (text, &address, &len, error) ? chan_unix_socket_listen (&address, len, options, uri, error) : NULL;
}

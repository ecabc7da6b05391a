/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-error.h"

static const struct
{
  ChanChannelError code;
  const char *name; /* the first of a code is the one that is sent */
} names[] = {
  { CHAN_CHANNEL_ERROR_FAILED, "org.libchan.Error.Failed" },
  { CHAN_CHANNEL_ERROR_CLOSED, "org.libchan.Error.Closed" },
  { CHAN_CHANNEL_ERROR_RESET, "org.libchan.Error.Reset" },
  { CHAN_CHANNEL_ERROR_CONNECTION_LOST, "org.libchan.Error.ConnectionLost" },
  { CHAN_CHANNEL_ERROR_TIMED_OUT, "org.libchan.Error.TimedOut" },
  { CHAN_CHANNEL_ERROR_PROTOCOL, "org.libchan.Error.Protocol" },
  { CHAN_CHANNEL_ERROR_TOO_LARGE, "org.libchan.Error.TooLarge" },
  { CHAN_CHANNEL_ERROR_TOO_COMPLEX, "org.libchan.Error.TooComplex" },
  { CHAN_CHANNEL_ERROR_LIMIT, "org.libchan.Error.Limit" },
  { CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE, "org.libchan.Error.UnknownHandle" },
  { CHAN_CHANNEL_ERROR_MOVED, "org.libchan.Error.Moved" },
  { CHAN_CHANNEL_ERROR_NO_MEMORY, "org.libchan.Error.NoMemory" },
  { CHAN_CHANNEL_ERROR_PERMISSION, "org.libchan.Error.Permission" },
  { CHAN_CHANNEL_ERROR_NO_TRANSPORT, "org.libchan.Error.NoTransport" },
  { CHAN_CHANNEL_ERROR_BAD_CONFIG, "org.libchan.Error.BadConfig" },
  { CHAN_CHANNEL_ERROR_UNSUPPORTED, "org.libchan.Error.Unsupported" },
  { CHAN_CHANNEL_ERROR_WOULD_DEADLOCK, "org.libchan.Error.WouldDeadlock" },
  { CHAN_CHANNEL_ERROR_BAD_IDENTITY, "org.libchan.Error.BadIdentity" },
  { CHAN_CHANNEL_ERROR_LIMIT, "org.freedesktop.DBus.Error.LimitsExceeded" },
  { CHAN_CHANNEL_ERROR_NO_MEMORY, "org.freedesktop.DBus.Error.NoMemory" },
  { CHAN_CHANNEL_ERROR_PERMISSION, "org.freedesktop.DBus.Error.AccessDenied" },
  { CHAN_CHANNEL_ERROR_PERMISSION, "org.freedesktop.DBus.Error.AuthFailed" },
  /* What a bus says of calls to those who left it */
  { CHAN_CHANNEL_ERROR_CONNECTION_LOST, "org.freedesktop.DBus.Error.NoReply" },
  { CHAN_CHANNEL_ERROR_TIMED_OUT, "org.freedesktop.DBus.Error.Timeout" },
  { CHAN_CHANNEL_ERROR_CONNECTION_LOST, "org.freedesktop.DBus.Error.Disconnected" },
  { CHAN_CHANNEL_ERROR_CONNECTION_LOST, "org.freedesktop.DBus.Error.ServiceUnknown" },
  { CHAN_CHANNEL_ERROR_CONNECTION_LOST, "org.freedesktop.DBus.Error.NameHasNoOwner" },
  { CHAN_CHANNEL_ERROR_UNSUPPORTED, "org.freedesktop.DBus.Error.UnknownMethod" },
  { CHAN_CHANNEL_ERROR_UNSUPPORTED, "org.freedesktop.DBus.Error.UnknownInterface" },
  { CHAN_CHANNEL_ERROR_UNSUPPORTED, "org.freedesktop.DBus.Error.NotSupported" },
  { CHAN_CHANNEL_ERROR_PROTOCOL, "org.freedesktop.DBus.Error.InvalidArgs" },
};

const char *
chan_dbus_error_name (ChanChannelError code)
{
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].code == code)
      return names[i].name;
  return names[0].name;
}

ChanChannelError
chan_dbus_error_code (const char *name)
{
  for (guint i = 0; name != NULL && i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (names[i].name, name))
      return names[i].code;
  return CHAN_CHANNEL_ERROR_FAILED;
}

GError *
chan_dbus_error_new (const GError *failure, const char *what)
{
  g_autofree char *name = g_dbus_error_is_remote_error (failure) ? g_dbus_error_get_remote_error (failure) : NULL;
  g_autoptr (GError) plain = g_error_copy (failure);

  g_dbus_error_strip_remote_error (plain);
  /* What the caller did itself, or what never reached a peer, stays what it is. */
  if (name == NULL)
    {
      g_prefix_error (&plain, "%s: ", what);
      return g_steal_pointer (&plain);
    }
  return g_error_new (CHAN_CHANNEL_ERROR, (int) chan_dbus_error_code (name), "%s: %s", what, plain->message);
}

void
chan_dbus_return_error (GDBusMethodInvocation *invocation, ChanChannelError code, const char *text)
{
  g_dbus_method_invocation_return_dbus_error (invocation, chan_dbus_error_name (code), text);
}

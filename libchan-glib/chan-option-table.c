/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-option-table.h"

#include <libchan-glib/chan-error.h>

#define KIB ((gint64) 1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define DAY_SEC ((gint64) 24 * 60 * 60)

#define INT(name, key, value, min, max, unit) { name, key, CHAN_OPTION_INT, value, min, max, NULL, NULL, unit, FALSE, NULL }
#define OCTAL(name, key, value, max, schemes) { name, key, CHAN_OPTION_OCTAL, value, 0, max, NULL, NULL, NULL, FALSE, schemes }
#define BOOLEAN(name, key, value, schemes) { name, key, CHAN_OPTION_BOOLEAN, value, 0, 1, NULL, NULL, NULL, FALSE, schemes }
#define STRING(name, key, schemes) { name, key, CHAN_OPTION_STRING, 0, 0, 0, "", NULL, NULL, FALSE, schemes }
#define ENUM(name, key, text, choices, schemes) { name, key, CHAN_OPTION_ENUM, 0, 0, 0, text, choices, NULL, FALSE, schemes }
#define FILE_NAME(name, key, schemes) { name, key, CHAN_OPTION_FILE, 0, 0, 0, "", NULL, NULL, FALSE, schemes }
#define SECRET_FILE(name, key, schemes) { name, key, CHAN_OPTION_FILE, 0, 0, 0, "", NULL, NULL, TRUE, schemes }
#define UIDS(name, key, schemes) { name, key, CHAN_OPTION_UIDS, 0, 0, 0, "", NULL, NULL, FALSE, schemes }

/* Those whose options are all known. What others, in modules, make of an option is their business. */
static const char *const own_schemes[] = { "memory", "unix", "tcp", "tls", "dbus", NULL };

const ChanOption chan_option_table[] = {
  /* connecting */
  INT ("connect-timeout-sec", "ConnectTimeoutSec", 30, 1, DAY_SEC, "s"),
  INT ("settle-ms", "SettleMs", 1000, 0, 60000, "ms"),
  ENUM ("dialect", "Dialect", "auto", "auto|2|1|glib", NULL),
  /* messages and channels */
  INT ("capacity", "Capacity", 64, 0, 1 << 20, "messages"),
  INT ("max-message-bytes", "MaxMessageBytes", 4 * MIB, KIB, GIB, "bytes"),
  INT ("max-message-nodes", "MaxMessageNodes", 262144, 1, 1 << 24, "values"),
  INT ("max-message-depth", "MaxMessageDepth", 64, 1, 64, "levels"),
  INT ("max-message-handles", "MaxMessageHandles", 64, 0, 1024, "handles"),
  INT ("message-fds", "MessageFds", 16, 0, 253, "descriptors"),
  INT ("session-fds", "SessionFds", 256, 0, 65536, "descriptors"),
  INT ("max-streams", "MaxStreams", 1024, 1, 1 << 20, "streams"),
  /* flow control */
  INT ("stream-window", "StreamWindow", 64 * KIB, KIB, 16 * MIB, "bytes"),
  INT ("stream-window-max", "StreamWindowMax", MIB, KIB, 64 * MIB, "bytes"),
  INT ("session-window", "SessionWindow", 4 * MIB, 64 * KIB, GIB, "bytes"),
  INT ("max-unread-bytes", "MaxUnreadBytes", 32 * MIB, 256 * KIB, 2 * GIB, "bytes"),
  INT ("queue-bytes", "QueueBytes", 256 * KIB, KIB, GIB, "bytes"),
  INT ("output-high-water", "OutputHighWater", MIB, 16 * KIB, GIB, "bytes"),
  INT ("send-buffer", "SendBuffer", 204800, 0, 64 * MIB, "bytes"),
  ENUM ("stall-policy", "StallPolicy", "pause", "pause|reset", NULL),
  INT ("stall-reset-sec", "StallResetSec", 30, 1, DAY_SEC, "s"),
  /* time */
  INT ("keepalive-sec", "KeepaliveSec", 30, 0, DAY_SEC, "s"),
  INT ("keepalive-timeout-sec", "KeepaliveTimeoutSec", 20, 1, DAY_SEC, "s"),
  INT ("handshake-timeout-sec", "HandshakeTimeoutSec", 10, 1, DAY_SEC, "s"),
  INT ("idle-timeout-sec", "IdleTimeoutSec", 300, 0, DAY_SEC, "s"),
  INT ("drain-timeout-sec", "DrainTimeoutSec", 30, 1, DAY_SEC, "s"),
  INT ("dangling-timeout-sec", "DanglingTimeoutSec", 10, 1, DAY_SEC, "s"),
  INT ("write-stall-sec", "WriteStallSec", 60, 0, DAY_SEC, "s"),
  /* listening */
  INT ("max-sessions", "MaxSessions", 1024, 1, 1 << 20, "sessions"),
  INT ("max-sessions-per-peer", "MaxSessionsPerPeer", 64, 1, 1 << 20, "sessions"),
  INT ("backlog", "Backlog", 128, 1, 65535, "connections"),
  BOOLEAN ("allow-plaintext", "AllowPlaintext", FALSE, "tcp"),
  /* TLS */
  FILE_NAME ("ca-file", "CaFile", "tls"),
  FILE_NAME ("certificate-file", "CertificateFile", "tls"),
  SECRET_FILE ("private-key-file", "PrivateKeyFile", "tls"),
  STRING ("server-name", "ServerName", "tls"),
  BOOLEAN ("verify", "Verify", TRUE, "tls"),
  ENUM ("min-tls", "MinTls", "", "1.2|1.3", "tls"),
  ENUM ("alpn", "Alpn", "auto", "auto|require|off", "tls"),
  BOOLEAN ("require-client-cert", "RequireClientCert", FALSE, "tls"),
  /* Unix sockets */
  OCTAL ("mode", "Mode", 0600, 0777, "unix|dbus"),
  UIDS ("allow-uids", "AllowUids", "unix|dbus"),
  /* D-Bus */
  STRING ("name", "Name", "dbus"),
  STRING ("path", "Path", "dbus"),
  ENUM ("direct", "Direct", "auto", "auto|never|require", "dbus"),
};

const guint chan_n_options = G_N_ELEMENTS (chan_option_table);

int
chan_option_find (const char *name_or_key)
{
  for (guint i = 0; i < chan_n_options; i++)
    if (g_str_equal (name_or_key, chan_option_table[i].name) || g_str_equal (name_or_key, chan_option_table[i].key))
      return (int) i;
  return -1;
}

gboolean
chan_scheme_is_own (const char *scheme)
{
  return g_strv_contains (own_schemes, scheme);
}

gboolean
chan_option_check_scheme (const ChanOption *option, const char *scheme, GError **error)
{
  g_auto (GStrv) schemes = option->schemes != NULL ? g_strsplit (option->schemes, "|", -1) : NULL;
  g_autofree char *list = NULL;

  if (schemes == NULL || !chan_scheme_is_own (scheme) || g_strv_contains ((const char *const *) schemes, scheme))
    return TRUE;
  list = g_strjoinv (": and ", schemes);
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "%s is an option of %s:, which %s: does not have",
               option->name, list, scheme);
  return FALSE;
}

static char *
describe_int (const ChanOption *option)
{
  return g_strdup_printf ("a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT "%s%s%s", option->min,
                          option->max, option->unit != NULL ? " (" : "", option->unit != NULL ? option->unit : "",
                          option->unit != NULL ? ")" : "");
}

static char *
describe_enum (const ChanOption *option)
{
  g_auto (GStrv) choices = g_strsplit (option->choices, "|", -1);
  g_autofree char *list = g_strjoinv (", ", choices);

  return g_strconcat ("one of ", list, option->text[0] == '\0' ? ", or nothing" : "", NULL);
}

char *
chan_option_describe (const ChanOption *option)
{
  switch (option->type)
    {
    case CHAN_OPTION_INT:
      return describe_int (option);
    case CHAN_OPTION_OCTAL:
      return g_strdup_printf ("an octal number from 0 to 0%o", (guint) option->max);
    case CHAN_OPTION_BOOLEAN:
      return g_strdup ("true or false");
    case CHAN_OPTION_ENUM:
      return describe_enum (option);
    case CHAN_OPTION_UIDS:
      return g_strdup ("user ids with a comma between them");
    case CHAN_OPTION_FILE:
      return g_strdup ("the name of a file");
    case CHAN_OPTION_STRING:
    default:
      return g_strdup ("UTF-8 text");
    }
}

static gboolean
parse_boolean (const char *text, gint64 *ret_value)
{
  static const char *const words[][2] = { { "false", "true" }, { "no", "yes" }, { "off", "on" }, { "0", "1" } };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    for (int value = 0; value < 2; value++)
      if (g_ascii_strcasecmp (text, words[i][value]) == 0)
        {
          *ret_value = value;
          return TRUE;
        }
  return FALSE;
}

static gboolean
parse_choice (const ChanOption *option, const char *text)
{
  g_auto (GStrv) choices = g_strsplit (option->choices, "|", -1);

  /* Nothing is a choice where it is the default. */
  return g_strv_contains ((const char *const *) choices, text) || g_str_equal (text, option->text);
}

/* The separator is a comma in URIs and a semicolon in configuration files. */
static gboolean
parse_uids (const char *text, char **ret_text)
{
  g_auto (GStrv) items = g_strsplit_set (text, ",;", -1);
  GString *list = g_string_new (NULL);
  gboolean valid = TRUE;

  for (gsize i = 0; items[i] != NULL && valid; i++)
    {
      guint64 uid = 0;

      g_strstrip (items[i]);
      if (items[i][0] == '\0')
        continue;
      /* (uid_t) -1 means nobody in particular. */
      valid = g_ascii_string_to_unsigned (items[i], 10, 0, G_MAXUINT32 - 1, &uid, NULL);
      g_string_append_printf (list, "%s%" G_GUINT64_FORMAT, list->len > 0 ? "," : "", uid);
    }
  if (valid)
    *ret_text = g_string_free (list, FALSE);
  else
    g_string_free (list, TRUE);
  return valid;
}

gboolean
chan_option_parse (const ChanOption *option, const char *text, gint64 *ret_value, char **ret_text)
{
  switch (option->type)
    {
    case CHAN_OPTION_INT:
      return g_ascii_string_to_signed (text, 10, option->min, option->max, ret_value, NULL);
    case CHAN_OPTION_OCTAL:
      return g_ascii_string_to_signed (text, 8, option->min, option->max, ret_value, NULL);
    case CHAN_OPTION_BOOLEAN:
      return parse_boolean (text, ret_value);
    case CHAN_OPTION_UIDS:
      return parse_uids (text, ret_text);
    case CHAN_OPTION_ENUM:
      if (!parse_choice (option, text))
        return FALSE;
      break;
    case CHAN_OPTION_STRING:
    case CHAN_OPTION_FILE:
    default:
      if (!g_utf8_validate (text, -1, NULL))
        return FALSE;
      break;
    }
  *ret_text = g_strdup (text);
  return TRUE;
}

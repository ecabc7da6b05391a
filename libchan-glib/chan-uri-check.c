/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-uri-check.h"

#include <string.h>

#include "chan-config-data.h"

/* Which part of the URI this is in, for people. */
static char *
describe_place (const char *text, const char *at)
{
  const char *query = strchr (text, '?');
  const char *fragment = strchr (text, '#');
  const char *colon = strchr (text, ':');
  const char *begin, *path;
  gsize len;

  if (colon == NULL || at < colon)
    return g_strdup ("the scheme");
  if (fragment != NULL && query > fragment)
    query = NULL;
  if (fragment != NULL && at > fragment)
    return g_strdup ("the fragment");
  if (query != NULL && at > query)
    {
      for (begin = at; begin[-1] != '&' && begin - 1 > query; begin--)
        continue;
      len = strcspn (begin, "=&#");
      return begin + len < at ? g_strdup_printf ("the parameter “%.*s”", (int) len, begin)
                              : g_strdup ("the name of a parameter");
    }
  path = g_str_has_prefix (colon, "://") ? colon + 3 + strcspn (colon + 3, "/?#") : colon + 1;
  return g_strdup (at >= path ? "the path" : "the host");
}

static gboolean
fail (const char *text, const char *at, int len, const char *why, GError **error)
{
  g_autofree char *place = describe_place (text, at);
  g_autofree char *bad = g_strndup (at, (gsize) len);
  g_autofree char *valid = g_utf8_make_valid (bad, -1);

  chan_config_set_error (error, "“%s”: “%s” in %s %s", text, valid, place, why);
  return FALSE;
}

/* Text and escapes up to what separates the parts of a URI are UTF-8 together. Returns its end, or NULL. */
static const char *
check_run (const char *text, const char *at, GError **error)
{
  const char *first = NULL;
  const char *last = NULL;
  g_autoptr (GString) decoded = g_string_new (NULL);

  for (; *at != '\0' && strchr ("/?#&=@", *at) == NULL; at++)
    {
      if (*at != '%')
        {
          g_string_append_c (decoded, *at);
          continue;
        }
      if (!g_ascii_isxdigit (at[1]) || !g_ascii_isxdigit (at[2]))
        {
          fail (text, at, 1 + (at[1] != '\0') + (at[1] != '\0' && at[2] != '\0'),
                "is no escape: a % is followed by two hexadecimal digits, and is written %25 itself", error);
          return NULL;
        }
      if (at[1] == '0' && at[2] == '0')
        {
          fail (text, at, 3, "is a NUL, which no address has", error);
          return NULL;
        }
      g_string_append_c (decoded, (char) (g_ascii_xdigit_value (at[1]) << 4 | g_ascii_xdigit_value (at[2])));
      first = first != NULL ? first : at;
      at += 2;
      last = at + 1;
    }
  if (first == NULL || g_utf8_validate_len (decoded->str, decoded->len, NULL))
    return at;
  fail (text, first, (int) (last - first), "is not UTF-8", error);
  return NULL;
}

gboolean
chan_uri_check_escapes (const char *text, GError **error)
{
  const char *at = text;

  while (at != NULL && *at != '\0')
    {
      /* The zone of an IPv6 address has rules of its own, which GLib knows. */
      if (*at == '[' && strchr (at, ']') != NULL)
        at = strchr (at, ']');
      at = check_run (text, at + (strchr ("/?#&=@]", *at) != NULL), error);
    }
  return at != NULL;
}

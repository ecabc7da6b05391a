/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-words.h"

#include <string.h>

#include "wire/chan-limits.h"

char *
chan_words_dup (const char *text)
{
  g_autofree char *start = g_strndup (text, chan_limits_default.text_bytes);
  const char *end;

  g_utf8_validate (start, -1, &end);
  return g_strndup (start, (gsize) (end - start));
}

GError *
chan_words_error (const GError *error)
{
  g_autofree char *words = chan_words_dup (error->message);

  return g_error_new_literal (error->domain, error->code, words);
}

gboolean
chan_words_is_name (const char *name)
{
  gsize max = chan_limits_default.name_bytes;

  return name == NULL || (strnlen (name, max + 1) <= max && g_utf8_validate (name, -1, NULL));
}

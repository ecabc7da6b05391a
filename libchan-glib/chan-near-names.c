/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-near-names.h"

#define SUGGESTIONS_MAX 3
/* Longer words are no typing error, and the distance takes length times length. */
#define WORD_MAX 64

/* Levenshtein's distance, without regard to case, dashes and underscores. */
static guint
distance (const char *a, const char *b)
{
  guint row[WORD_MAX + 1];
  gsize n_b = strlen (b);

  for (gsize j = 0; j <= n_b; j++)
    row[j] = (guint) j;
  for (gsize i = 0; a[i] != '\0'; i++)
    {
      guint diagonal = row[0];

      row[0] = (guint) i + 1;
      for (gsize j = 0; j < n_b; j++)
        {
          guint changed = diagonal + (a[i] != b[j]);

          diagonal = row[j + 1];
          row[j + 1] = MIN (changed, MIN (row[j], row[j + 1]) + 1);
        }
    }
  return row[n_b];
}

/* One spelling for ca_file, ca-file and CaFile. */
static char *
fold (const char *word)
{
  GString *folded = g_string_new (NULL);

  for (const char *at = word; *at != '\0' && folded->len < WORD_MAX; at++)
    if (*at != '-' && *at != '_')
      g_string_append_c (folded, g_ascii_tolower (*at));
  return g_string_free (folded, FALSE);
}

static gboolean
is_near (const char *word, const char *name)
{
  g_autofree char *a = fold (word);
  g_autofree char *b = fold (name);
  gsize length = strlen (a);
  gsize other = strlen (b);
  gsize allowed = length <= 4 ? 1 : length <= 8 ? 2 : 3;

  if (length >= 3 && strstr (b, a) != NULL)
    return TRUE;
  /* The distance is at least that of the lengths, which costs nothing. */
  return MAX (length, other) - MIN (length, other) <= allowed && distance (a, b) <= allowed;
}

char *
chan_near_names (const char *word, const char *const *names)
{
  GString *list = g_string_new (NULL);
  guint n_found = 0;

  for (gsize i = 0; names[i] != NULL && n_found < SUGGESTIONS_MAX; i++)
    {
      if (!is_near (word, names[i]))
        continue;
      g_string_append_printf (list, "%s%s", n_found == 0 ? " (did you mean " : " or ", names[i]);
      n_found++;
    }
  if (n_found > 0)
    g_string_append (list, "?)");
  return g_string_free (list, FALSE);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-options.h"

#include <libchan-glib/chan-error.h>

#include "libchan-glib/chan-option-table.h"
#include "libchan-glib/chan-options-private.h"

static gboolean
is_number (const ChanOption *option)
{
  return option->type == CHAN_OPTION_INT || option->type == CHAN_OPTION_OCTAL || option->type == CHAN_OPTION_BOOLEAN;
}

static void
check_one (ChanOptions *options, const ChanOption *option)
{
  const char *text;

  if (!chan_options_is_set (options, option->name))
    return;
  if (is_number (option))
    {
      gint64 value = chan_options_get_int (options, option->name);

      g_assert (value >= option->min && value <= option->max);
      return;
    }
  text = chan_options_get_string (options, option->name);
  g_assert (text != NULL && g_utf8_validate (text, -1, NULL));
  if (option->type == CHAN_OPTION_ENUM && text[0] != '\0')
    {
      g_auto (GStrv) choices = g_strsplit (option->choices, "|", -1);

      g_assert (g_strv_contains ((const char *const *) choices, text));
    }
}

void
fuzz_options_check (ChanOptions *options)
{
  ChanLimits limits;

  for (guint i = 0; i < chan_n_options; i++)
    check_one (options, &chan_option_table[i]);
  chan_options_get_limits (options, &limits);
  g_assert (limits.stream_window <= limits.stream_window_max);
  g_assert (limits.message_bytes <= limits.message_memory);
  g_assert (limits.message_depth <= chan_limits_default.message_depth);
}

void
fuzz_options_check_error (const GError *error)
{
  g_assert (g_error_matches (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG));
  g_assert (g_utf8_validate (error->message, -1, NULL));
}

char *
fuzz_options_print (ChanOptions *options)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < chan_n_options; i++)
    {
      const ChanOption *option = &chan_option_table[i];

      if (!chan_options_is_set (options, option->name))
        continue;
      g_string_append_printf (text, "%s=", option->name);
      if (is_number (option))
        g_string_append_printf (text, "%" G_GINT64_FORMAT "\n", chan_options_get_int (options, option->name));
      else
        g_string_append_printf (text, "%s\n", chan_options_get_string (options, option->name));
    }
  return g_string_free (text, FALSE);
}

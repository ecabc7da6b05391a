/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  CHAN_OPTION_INT,
  CHAN_OPTION_OCTAL,   /* an int, written in octal */
  CHAN_OPTION_BOOLEAN, /* an int, 0 or 1 */
  CHAN_OPTION_STRING,
  CHAN_OPTION_ENUM,    /* a string, one of choices */
  CHAN_OPTION_FILE,    /* a string; relative to the file that sets it */
  CHAN_OPTION_UIDS,    /* a string of numbers, with a comma between */
} ChanOptionType;

typedef struct
{
  const char *name; /* in URIs and in the API */
  const char *key;  /* in configuration files */
  ChanOptionType type;
  gint64 value;     /* default, of the int types */
  gint64 min, max;  /* of CHAN_OPTION_INT and _OCTAL */
  const char *text; /* default, of the string types */
  const char *choices; /* of CHAN_OPTION_ENUM: a|b */
  const char *unit;    /* or NULL */
  gboolean secret;     /* never in a URI: those are logged, and shown by ps */
  const char *schemes; /* a|b: of our transports only these have it; NULL: all */
} ChanOption;

/* Documented in docs/options.md; a test compares the two. */
extern const ChanOption chan_option_table[];
extern const guint chan_n_options;

/* By name or by key; -1: unknown. */
int      chan_option_find     (const char *name_or_key);
/* Whether it is one of the transports that come with the library, be its module there or not. */
gboolean chan_scheme_is_own   (const char *scheme);
/* FALSE: this transport does not have the option. */
gboolean chan_option_check_scheme (const ChanOption *option, const char *scheme, GError **error);
/* What may be given, for an error message. */
char    *chan_option_describe (const ChanOption *option);
/* Puts a valid text into *ret_value (int types) or *ret_text (string types, in
 * one spelling). FALSE: not allowed. */
gboolean chan_option_parse    (const ChanOption *option, const char *text, gint64 *ret_value, char **ret_text);

G_END_DECLS

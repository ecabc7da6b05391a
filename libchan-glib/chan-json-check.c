/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-json-check.h"

#include <math.h>

#include <libchan-glib/chan-error.h>

/* JSON parsers differ in what they forgive, and json-glib before 1.10 recurses
 * without a limit. Text is checked here in full, so that reading it afterwards
 * cannot fail on its form. */

typedef struct
{
  const char *start;
  const char *at;
  const ChanLimits *limits;
  guint depth;
  gsize n_values;
  GError **error;
} Check;

static gboolean check_value (Check *self);

static gboolean
bad (Check *self, const char *what)
{
  g_set_error (self->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "JSON, byte %" G_GSIZE_FORMAT ": %s",
               (gsize) (self->at - self->start), what);
  return FALSE;
}

static void
skip_space (Check *self)
{
  while (*self->at == ' ' || *self->at == '\t' || *self->at == '\n' || *self->at == '\r')
    self->at++;
}

/* The four digits after a \u, or -1. */
static int
hex4 (const char *at)
{
  int code = 0;

  for (int i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (at[i]);

      if (digit < 0)
        return -1;
      code = code * 16 + digit;
    }
  return code;
}

static gboolean
check_unicode_escape (Check *self)
{
  int code = hex4 (self->at + 2);

  if (code < 0)
    return bad (self, "\\u needs four hexadecimal digits");
  if (code == 0)
    return bad (self, "a string cannot hold U+0000");
  if (code >= 0xdc00 && code <= 0xdfff)
    return bad (self, "lone surrogate");
  if (code >= 0xd800 && code <= 0xdbff)
    {
      int low = self->at[6] == '\\' && self->at[7] == 'u' ? hex4 (self->at + 8) : -1;

      if (low < 0xdc00 || low > 0xdfff)
        return bad (self, "lone surrogate");
      self->at += 6;
    }
  self->at += 6;
  return TRUE;
}

static gboolean
check_string (Check *self)
{
  if (*self->at != '"')
    return bad (self, "a string was expected");
  self->at++;
  while (*self->at != '"')
    {
      if (*self->at == '\0')
        return bad (self, "the text ends inside a string");
      if ((guchar) *self->at < 0x20)
        return bad (self, "control character in a string");
      if (*self->at != '\\')
        self->at++;
      else if (self->at[1] == 'u')
        {
          if (!check_unicode_escape (self))
            return FALSE;
        }
      else if (self->at[1] != '\0' && strchr ("\"\\/bfnrt", self->at[1]) != NULL)
        self->at += 2;
      else
        return bad (self, "unknown escape");
    }
  self->at++;
  return TRUE;
}

static gsize
skip_digits (Check *self)
{
  const char *start = self->at;

  while (g_ascii_isdigit (*self->at))
    self->at++;
  return (gsize) (self->at - start);
}

static gboolean
check_range (Check *self, const char *number, gboolean is_whole)
{
  gboolean fits = TRUE;

  if (is_whole)
    {
      gint64 value;

      /* What it calls may leave other errors behind. */
      errno = 0;
      value = g_ascii_strtoll (number, NULL, 10);
      fits = errno != ERANGE || (value != G_MAXINT64 && value != G_MININT64);
    }
  else
    fits = isfinite (g_ascii_strtod (number, NULL));
  if (fits)
    return TRUE;
  self->at = number;
  return bad (self, is_whole ? "whole number beyond 64 bits" : "number too large");
}

static gboolean
check_number (Check *self)
{
  const char *number = self->at;
  gboolean is_whole = TRUE;

  if (*self->at == '-')
    self->at++;
  if (self->at[0] == '0' && g_ascii_isdigit (self->at[1]))
    return bad (self, "a number cannot start with 0");
  if (skip_digits (self) == 0)
    return bad (self, "a value was expected");
  if (*self->at == '.')
    {
      is_whole = FALSE;
      self->at++;
      if (skip_digits (self) == 0)
        return bad (self, "digits were expected after the point");
    }
  if (*self->at == 'e' || *self->at == 'E')
    {
      is_whole = FALSE;
      self->at++;
      if (*self->at == '+' || *self->at == '-')
        self->at++;
      if (skip_digits (self) == 0)
        return bad (self, "digits were expected in the exponent");
    }
  return check_range (self, number, is_whole);
}

static gboolean
check_word (Check *self, const char *word)
{
  if (!g_str_has_prefix (self->at, word))
    return bad (self, "a value was expected");
  self->at += strlen (word);
  return TRUE;
}

static gboolean
check_member (Check *self)
{
  skip_space (self);
  if (!check_string (self))
    return FALSE;
  skip_space (self);
  if (*self->at != ':')
    return bad (self, "a colon was expected");
  self->at++;
  return check_value (self);
}

/* An object or an array: both are a list in brackets. */
static gboolean
check_list (Check *self, char close, gboolean (*check_item) (Check *self))
{
  if (self->depth == self->limits->message_depth)
    {
      g_set_error (self->error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX,
                   "JSON is nested deeper than %u levels", self->limits->message_depth);
      return FALSE;
    }
  self->depth++;
  self->at++;
  skip_space (self);
  if (*self->at != close)
    {
      if (!check_item (self))
        return FALSE;
      while (*self->at == ',')
        {
          self->at++;
          if (!check_item (self))
            return FALSE;
        }
      if (*self->at != close)
        return bad (self, close == '}' ? "a comma or } was expected" : "a comma or ] was expected");
    }
  self->at++;
  self->depth--;
  return TRUE;
}

static gboolean
check_bare_value (Check *self)
{
  switch (*self->at)
    {
    case '{':
      return check_list (self, '}', check_member);
    case '[':
      return check_list (self, ']', check_value);
    case '"':
      return check_string (self);
    case 't':
      return check_word (self, "true");
    case 'f':
      return check_word (self, "false");
    case 'n':
      return check_word (self, "null");
    default:
      return check_number (self);
    }
}

/* A value and the space around it. */
static gboolean
check_value (Check *self)
{
  if (++self->n_values > self->limits->message_nodes)
    {
      g_set_error (self->error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX,
                   "JSON has more than %u values", self->limits->message_nodes);
      return FALSE;
    }
  skip_space (self);
  if (!check_bare_value (self))
    return FALSE;
  skip_space (self);
  return TRUE;
}

gboolean
chan_json_check (const char *text, gsize length, const ChanLimits *limits, GError **error)
{
  Check self = { .start = text, .at = text, .limits = limits, .error = error };
  const char *invalid = NULL;

  if (length > limits->message_memory)
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_LARGE,
                   "JSON text of %" G_GSIZE_FORMAT " bytes, at most %u are allowed", length, limits->message_memory);
      return FALSE;
    }
  /* This finds a NUL inside the text as well: from here on, NUL is the end. */
  if (!g_utf8_validate_len (text, length, &invalid))
    {
      self.at = invalid;
      return bad (&self, "not UTF-8");
    }
  if (!check_value (&self))
    return FALSE;
  if (*self.at != '\0')
    return bad (&self, "text after the value");
  return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-variant-type.h"

/* The types of one character. */
static const struct
{
  guint8 is_known;
  guint8 fixed;
  guint8 mask;
} basic[128] = {
  ['b'] = { TRUE, 1, 0 }, ['y'] = { TRUE, 1, 0 },
  ['n'] = { TRUE, 2, 1 }, ['q'] = { TRUE, 2, 1 },
  ['i'] = { TRUE, 4, 3 }, ['u'] = { TRUE, 4, 3 }, ['h'] = { TRUE, 4, 3 },
  ['x'] = { TRUE, 8, 7 }, ['t'] = { TRUE, 8, 7 }, ['d'] = { TRUE, 8, 7 },
  ['s'] = { TRUE, 0, 0 }, ['o'] = { TRUE, 0, 0 }, ['g'] = { TRUE, 0, 0 },
  ['v'] = { TRUE, 0, 7 },
};

static gboolean
is_basic (char c)
{
  return (guint8) c < G_N_ELEMENTS (basic) && basic[(guint8) c].is_known;
}

gboolean
chan_variant_type_is_valid (const char *type, gsize len)
{
  const char *end;

  /* most are one of these, in which there is nothing to scan */
  if (len == 1 || (len == 2 && type[0] == 'a'))
    return is_basic (type[len - 1]);
  if (len == 0 || len > G_MAXUINT8)
    return FALSE;
  if (!g_variant_type_string_scan (type, type + len, &end) || end != type + len)
    return FALSE;
  for (gsize i = 0; i < len; i++)
    if (type[i] == '?' || type[i] == '*' || type[i] == 'r')
      return FALSE;
  return TRUE;
}

/* (…) and {…} */
static ChanVariantType
get_tuple (const char *type)
{
  ChanVariantType self = { type + 1, 0, 0, 0 };
  gboolean is_fixed = TRUE;
  guint size = 0;

  while (*self.end != ')' && *self.end != '}')
    {
      ChanVariantType member = chan_variant_type_get (self.end);

      is_fixed = is_fixed && member.fixed > 0;
      size = ((size + member.mask) & ~(guint) member.mask) + member.fixed;
      self.mask = MAX (self.mask, member.mask);
      self.depth = MAX (self.depth, member.depth);
      self.end = member.end;
    }
  self.end++;
  self.depth++;
  size = (size + self.mask) & ~(guint) self.mask;
  if (is_fixed)
    self.fixed = (guint16) MAX (size, 1); /* () has one byte */
  return self;
}

/* Recursion is bounded: GLib's scan, which the type has passed, allows 128 levels. */
ChanVariantType
chan_variant_type_get (const char *type)
{
  guint8 c = (guint8) *type;

  if (c == 'a' || c == 'm')
    {
      ChanVariantType element = chan_variant_type_get (type + 1);

      element.fixed = 0;
      element.depth++;
      return element;
    }
  if (c == '(' || c == '{')
    return get_tuple (type);
  return (ChanVariantType){ type + 1, basic[c].fixed, basic[c].mask, 1 };
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-variant-check.h"

#include <string.h>

#include <libchan-glib/chan-error.h>

#include "chan-variant-type.h"

typedef struct
{
  const ChanLimits *limits;
  gsize n_handles;
  guint nodes;
  guint depth;   /* arrays, tuples, maybes */
  guint nesting; /* all containers */
  ChanChannelError code;
  const char *text;
} Check;

static gboolean check_value (Check *self, const char *type, const ChanVariantType *info, const guint8 *data, gsize len);

static gboolean
fail (Check *self, ChanChannelError code, const char *text)
{
  self->code = code;
  self->text = text;
  return FALSE;
}

static gboolean
fail_form (Check *self)
{
  return fail (self, CHAN_CHANNEL_ERROR_PROTOCOL, "A message is not in GVariant's normal form");
}

/* --- framing offsets ------------------------------------------------------ */

/* Width of the offsets of a container of `len` bytes in all. */
static guint
offset_width (gsize len)
{
  return len <= G_MAXUINT8 ? 1 : len <= G_MAXUINT16 ? 2 : len <= G_MAXUINT32 ? 4 : 8;
}

static gsize
read_offset (const guint8 *data, guint width)
{
  gsize value = 0;

  for (guint i = width; i > 0; i--)
    value = value << 8 | data[i - 1];
  return value;
}

/* Are n offsets of this width what a serialiser would write behind `body` bytes? */
static gboolean
is_narrowest (gsize body, gsize n, guint width)
{
  return width == 1 || offset_width (body + n * (width / 2)) == width;
}

static gboolean
is_zero (const guint8 *data, gsize from, gsize to)
{
  for (; from < to; from++)
    if (data[from] != 0)
      return FALSE;
  return TRUE;
}

static gsize
align (gsize offset, guint mask)
{
  return (offset + mask) & ~(gsize) mask;
}

/* --- strings and handles -------------------------------------------------- */

static gboolean
check_string (Check *self, char type, const guint8 *data, gsize len)
{
  const char *s = (const char *) data;

  /* also refuses a zero byte inside */
  if (len == 0 || s[len - 1] != '\0' || !g_utf8_validate_len (s, len - 1, NULL))
    return fail_form (self);
  if ((type == 'o' && !g_variant_is_object_path (s)) || (type == 'g' && !g_variant_is_signature (s)))
    return fail_form (self);
  return TRUE;
}

static gboolean
check_handles (Check *self, const guint8 *data, gsize len)
{
  for (gsize i = 0; i < len; i += 4)
    {
      guint32 index_;

      memcpy (&index_, data + i, sizeof index_);
      if (GUINT32_FROM_LE (index_) >= self->n_handles)
        return fail (self, CHAN_CHANNEL_ERROR_PROTOCOL, "A message names a handle that it does not have");
    }
  return TRUE;
}

/* One or many values of a basic type of fixed size. */
static gboolean
check_fixed (Check *self, char type, const guint8 *data, gsize len)
{
  if (type == 'h')
    return check_handles (self, data, len);
  if (type == 'b')
    for (gsize i = 0; i < len; i++)
      if (data[i] > 1)
        return fail_form (self);
  return TRUE;
}

/* --- containers ------------------------------------------------------------ */

static gboolean
check_fixed_array (Check *self, const char *type, const ChanVariantType *element, const guint8 *data, gsize len)
{
  if (len % element->fixed != 0)
    return fail_form (self);
  if (type[0] != '(' && type[0] != '{')
    return check_fixed (self, type[0], data, len);
  if (len / element->fixed > self->limits->message_nodes)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message has too many values");
  for (gsize i = 0; i < len; i += element->fixed)
    if (!check_value (self, type, element, data + i, element->fixed))
      return FALSE;
  return TRUE;
}

/* Elements, each aligned; behind them where each ends. */
static gboolean
check_array (Check *self, const char *type, const ChanVariantType *element, const guint8 *data, gsize len)
{
  guint width = offset_width (len);
  gsize start = 0, body, n;

  if (len == 0)
    return TRUE;
  if (len < width)
    return fail_form (self);
  body = read_offset (data + len - width, width);
  if (body >= len || (len - body) % width != 0)
    return fail_form (self);
  n = (len - body) / width;
  if (!is_narrowest (body, n, width))
    return fail_form (self);
  if (n > self->limits->message_nodes)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message has too many values");

  for (gsize i = 0; i < n; i++)
    {
      gsize end = read_offset (data + body + i * width, width);
      gsize aligned = align (start, element->mask);

      if (end < aligned || end > body || !is_zero (data, start, aligned))
        return fail_form (self);
      if (!check_value (self, type, element, data + aligned, end - aligned))
        return FALSE;
      start = end;
    }
  return TRUE;
}

/* Members, each aligned; behind them, last one first, where each ends that is
 * neither fixed nor the last. */
static gboolean
check_tuple (Check *self, const char *type, const ChanVariantType *info, const guint8 *data, gsize len)
{
  guint width = offset_width (len);
  gsize start = 0, table = len, n = 0;
  const char *t = type + 1;

  if (info->fixed > 0 && len != info->fixed)
    return fail_form (self);
  while (*t != ')' && *t != '}')
    {
      ChanVariantType member = chan_variant_type_get (t);
      gsize aligned = align (start, member.mask);
      gsize end;

      if (member.fixed > 0)
        end = aligned + member.fixed;
      else if (*member.end == ')' || *member.end == '}')
        end = table;
      else
        {
          if (table < width)
            return fail_form (self);
          table -= width;
          n++;
          end = read_offset (data + table, width);
        }
      if (aligned > table || end < aligned || end > table || !is_zero (data, start, aligned))
        return fail_form (self);
      if (!check_value (self, t, &member, data + aligned, end - aligned))
        return FALSE;
      start = end;
      t = member.end;
    }
  if (info->fixed > 0)
    return is_zero (data, start, len) || fail_form (self);
  return (start == table && is_narrowest (start, n, width)) || fail_form (self);
}

static gboolean
check_maybe (Check *self, const char *type, const guint8 *data, gsize len)
{
  ChanVariantType inner = chan_variant_type_get (type + 1);

  if (len == 0)
    return TRUE;
  if (inner.fixed > 0)
    return check_value (self, type + 1, &inner, data, len);
  if (data[len - 1] != 0)
    return fail_form (self);
  return check_value (self, type + 1, &inner, data, len - 1);
}

static gboolean
check_type_depth (Check *self, const ChanVariantType *info)
{
  if (self->nesting + info->depth > CHAN_VARIANT_MAX_DEPTH)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message is nested too deeply");
  return TRUE;
}

/* The value, a zero byte, its type, in which there is no zero byte. */
static gboolean
check_variant (Check *self, const guint8 *data, gsize len)
{
  ChanVariantType info;
  const char *type;
  gsize type_len = 0;

  while (type_len <= G_MAXUINT8 && type_len < len && data[len - type_len - 1] != 0)
    type_len++;
  if (type_len == len)
    return fail_form (self);
  type = (const char *) data + len - type_len;
  if (!chan_variant_type_is_valid (type, type_len))
    return fail_form (self);
  info = chan_variant_type_get (type);
  if (!check_type_depth (self, &info))
    return FALSE;
  return check_value (self, type, &info, data, len - type_len - 1);
}

static gboolean
check_container (Check *self, const char *type, const ChanVariantType *info, const guint8 *data, gsize len)
{
  ChanVariantType element;

  switch (type[0])
    {
    case 'v':
      return check_variant (self, data, len);
    case 'm':
      return check_maybe (self, type, data, len);
    case 'a':
      element = chan_variant_type_get (type + 1);
      if (element.fixed > 0)
        return check_fixed_array (self, type + 1, &element, data, len);
      return check_array (self, type + 1, &element, data, len);
    default: /* ( { */
      return check_tuple (self, type, info, data, len);
    }
}

/* Recursive, at most CHAN_VARIANT_MAX_DEPTH deep. */
static gboolean
check_value (Check *self, const char *type, const ChanVariantType *info, const guint8 *data, gsize len)
{
  guint level = type[0] != 'v' && type[0] != '{';
  gboolean is_basic = type[0] >= 'b' && type[0] <= 'y' && type[0] != 'v' && type[0] != 'm';
  gboolean is_good;

  if (self->nodes++ >= self->limits->message_nodes)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message has too many values");
  if (is_basic)
    {
      if (info->fixed == 0)
        return check_string (self, type[0], data, len);
      return len == info->fixed ? check_fixed (self, type[0], data, len) : fail_form (self);
    }
  if (self->nesting >= CHAN_VARIANT_MAX_DEPTH || self->depth + level > self->limits->message_depth)
    return fail (self, CHAN_CHANNEL_ERROR_TOO_COMPLEX, "A message is nested too deeply");
  self->nesting++;
  self->depth += level;
  is_good = check_container (self, type, info, data, len);
  self->nesting--;
  self->depth -= level;
  return is_good;
}

gboolean
chan_variant_check (const char *type, const guint8 *data, gsize len, gsize n_handles,
                    const ChanLimits *limits, GError **error)
{
  Check check = { limits, n_handles, 0, 0, 0, CHAN_CHANNEL_ERROR_FAILED, NULL };
  ChanVariantType info = chan_variant_type_get (type);

  if (check_type_depth (&check, &info) && check_value (&check, type, &info, data, len))
    return TRUE;
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, (int) check.code, check.text);
  return FALSE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages between two of our own. The first byte: the size of pieces. */
#include "fuzz-decode.h"

#include <string.h>

#include "libchan-glib/wire/chan-variant-check.h"
#include "libchan-glib/wire/chan-variant-type.h"

/* The same bytes, after a type string and without the framing, so that the
 * fuzzer reaches the checker quickly. */
static void
fuzz_check (const guint8 *data, gsize len)
{
  const guint8 *zero = memchr (data, 0, len);
  g_autofree guint64 *aligned = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GVariant) value = NULL;
  gsize n;

  if (zero == NULL || !chan_variant_type_is_valid ((const char *) data, (gsize) (zero - data)))
    return;
  n = len - (gsize) (zero + 1 - data);
  aligned = g_malloc (n + 1);
  memcpy (aligned, zero + 1, n);
  if (!chan_variant_check ((const char *) data, (const guint8 *) aligned, n, 3, &chan_limits_default, NULL))
    return;
  bytes = g_bytes_new_static (aligned, n);
  value = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE ((const char *) data), bytes, FALSE));
  g_assert (g_variant_is_normal_form (value));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize len)
{
  if (len == 0)
    return 0;
  if (data[0] >= 0x80)
    fuzz_check (data + 1, len - 1);
  else
    fuzz_decode (CHAN_SPDY_DIALECT_GLIB, data + 1, len - 1, 1 + (gsize) data[0]);
  return 0;
}

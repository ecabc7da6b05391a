/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-error.h"

/**
 * chan_channel_error_quark:
 *
 * The domain of [error@Chan.ChannelError] errors, %CHAN_CHANNEL_ERROR in C.
 *
 * Returns: the quark
 *
 * Since: 0.1
 */
GQuark
chan_channel_error_quark (void)
{
  /* G_DEFINE_QUARK() without its data race: errors are made in any thread. */
  static gint quark;
  gint known = g_atomic_int_get (&quark);

  if (known == 0)
    {
      known = (gint) g_quark_from_static_string ("chan-channel-error-quark");
      g_atomic_int_set (&quark, known);
    }
  return (GQuark) known;
}

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
G_DEFINE_QUARK (chan-channel-error-quark, chan_channel_error)

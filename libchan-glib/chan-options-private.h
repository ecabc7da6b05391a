/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-options.h>
#include "wire/chan-limits.h"

G_BEGIN_DECLS

/* The limits that these options set; the others are the defaults. */
void chan_options_get_limits (ChanOptions *self, ChanLimits *ret_limits);

G_END_DECLS

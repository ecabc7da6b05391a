/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-link.h>

G_BEGIN_DECLS

/* One end of a session inside the process: it calls its peer's `deliver`
 * methods directly, under the lock that both sessions share. */

#define CHAN_TYPE_MEMORY_LINK (chan_memory_link_get_type ())

G_DECLARE_FINAL_TYPE (ChanMemoryLink, chan_memory_link, CHAN, MEMORY_LINK, ChanLink)

/* Both transfer full. */
void chan_memory_link_new_pair (ChanLink **ret_client, ChanLink **ret_server);

G_END_DECLS

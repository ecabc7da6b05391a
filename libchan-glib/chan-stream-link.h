/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-byte-io.h>
#include <libchan-glib/chan-link.h>
#include <libchan-glib/chan-options.h>

G_BEGIN_DECLS

#define CHAN_TYPE_STREAM_LINK (chan_stream_link_get_type ())

CHAN_API
G_DECLARE_FINAL_TYPE (ChanStreamLink, chan_stream_link, CHAN, STREAM_LINK, ChanLink)

CHAN_API ChanLink *chan_stream_link_new (ChanByteIO *io, ChanSessionRole role, ChanOptions *options, GError **error);

G_END_DECLS

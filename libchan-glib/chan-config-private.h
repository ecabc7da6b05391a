/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-config.h>
#include <libchan-glib/chan-options.h>

G_BEGIN_DECLS

/* What the files say for one URI: defaults < [Chan] < [Transport scheme] <
 * [Endpoint], if uri_or_name is "@name". Parameters of the URI are the caller's
 * to add. scheme: of the URI that is tried; NULL: that of uri_or_name, if it is
 * a URI. */
ChanOptions *chan_config_dup_options (ChanConfig *self, const char *uri_or_name, const char *scheme, GError **error);

/* The configuration of the process, loaded once; a failure is reported each time
 * and tried again the next. Any thread. */
ChanConfig  *chan_config_dup_default (GError **error);

G_END_DECLS

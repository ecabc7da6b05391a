/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-options.h"

G_BEGIN_DECLS

/* What a URI or @NAME stands for: URIs to try, and the options of each. */
typedef struct
{
  ChanConfig *config;
  char *name;  /* as given */
  char **uris; /* NULL-terminated, at least one */
} ChanEndpoint;

ChanEndpoint *chan_endpoint_new   (const char *uri_or_name, GError **error);
void          chan_endpoint_free  (ChanEndpoint *self);
/* One of the URIs, with its options: configuration, then query. */
GUri         *chan_endpoint_parse (ChanEndpoint *self, const char *text, ChanOptions **ret_options, GError **error);

G_END_DECLS

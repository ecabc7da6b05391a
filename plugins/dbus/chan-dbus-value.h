/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Bodies as values of D-Bus, and back: docs/dbus.md, "Values". */

/* What a body that came may be. */
typedef struct
{
  guint max_nodes;
  guint max_depth;
  guint n_handles; /* in its message: the indices below that may be named */
} ChanDBusValueLimits;

/* A value of type v. Never fails: what D-Bus cannot say goes as bytes. */
GVariant *chan_dbus_value_encode (GVariant *body);
/* value: of type v. NULL with error if it is not what encode() makes, or is too much. */
GVariant *chan_dbus_value_decode (GVariant *value, const ChanDBusValueLimits *limits, GError **error);

G_END_DECLS

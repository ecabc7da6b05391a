/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-dbus-value.h"

G_BEGIN_DECLS

/* May it be said over D-Bus? That is: types, nesting and signatures within the
 * limits of the specification, for which a bus disconnects. value: without m, h and () */
gboolean chan_dbus_value_is_sayable (GVariant *value);
/* Depth, number of values, handles that exist, and that others take it for normal. */
gboolean chan_dbus_value_check      (GVariant *value, const ChanDBusValueLimits *limits, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-operation.h>

G_BEGIN_DECLS

typedef enum
{
  CHAN_DBUS_DIRECT_AUTO,
  CHAN_DBUS_DIRECT_NEVER,
  CHAN_DBUS_DIRECT_REQUIRE,
} ChanDBusDirect;

/* What a dbus: URI says. */
typedef struct
{
  char *address; /* a D-Bus address */
  char *name;    /* on a bus; NULL: peer to peer */
  char *path;    /* of the listener's object */
  ChanDBusDirect direct;
} ChanDBusAddress;

ChanDBusAddress *chan_dbus_address_new  (ChanOperation *operation, GError **error);
void             chan_dbus_address_free (ChanDBusAddress *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanDBusAddress, chan_dbus_address_free)

G_END_DECLS

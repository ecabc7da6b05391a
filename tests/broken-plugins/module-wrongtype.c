/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broken-module.h"

/* A type, but no transport. */
typedef GObject BrokenWrongType;
typedef GObjectClass BrokenWrongTypeClass;

GType broken_wrong_type_get_type (void);

G_DEFINE_DYNAMIC_TYPE (BrokenWrongType, broken_wrong_type, G_TYPE_OBJECT)

BROKEN_MODULE (wrongtype)

static void
broken_wrong_type_class_init (BrokenWrongTypeClass *klass)
{
}

static void
broken_wrong_type_class_finalize (BrokenWrongTypeClass *klass)
{
}

static void
broken_wrong_type_init (BrokenWrongType *self)
{
}

void
g_io_chantransport_wrongtype_load (GIOModule *module)
{
  broken_wrong_type_register_type (G_TYPE_MODULE (module));
  g_io_extension_point_implement (CHAN_TRANSPORT_EXTENSION_POINT_NAME, broken_wrong_type_get_type (), "wrongtype", 10);
}

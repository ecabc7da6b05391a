/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <libchan-glib/chan-types.h>

G_BEGIN_DECLS

#define CHAN_TYPE_MESSAGE (chan_message_get_type ())

CHAN_API GType        chan_message_get_type         (void) G_GNUC_CONST;

CHAN_API ChanMessage *chan_message_new              (GVariant *body);
CHAN_API ChanMessage *chan_message_new_with_handles (GVariant *body, GObject **handles, gsize n_handles);
CHAN_API ChanMessage *chan_message_new_from_bytes   (GBytes *bytes);
CHAN_API ChanMessage *chan_message_new_from_json    (const char *text, GObject **handles, gsize n_handles, GError **error);
CHAN_API ChanMessage *chan_message_new_from_json_node (JsonNode *node, GObject **handles, gsize n_handles, GError **error);

CHAN_API ChanMessage *chan_message_ref              (ChanMessage *self);
CHAN_API void         chan_message_unref            (ChanMessage *self);

CHAN_API GVariant    *chan_message_get_body         (ChanMessage *self);
CHAN_API GBytes      *chan_message_get_bytes        (ChanMessage *self);
CHAN_API char        *chan_message_to_json          (ChanMessage *self);
CHAN_API JsonNode    *chan_message_dup_json_node    (ChanMessage *self);
CHAN_API gsize        chan_message_get_size         (ChanMessage *self);

CHAN_API guint        chan_message_get_n_handles    (ChanMessage *self);
CHAN_API GObject     *chan_message_get_handle       (ChanMessage *self, guint index_);
CHAN_API GObject     *chan_message_steal_handle     (ChanMessage *self, guint index_);
CHAN_API GObject     *chan_message_lookup_handle    (ChanMessage *self, const char *key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanMessage, chan_message_unref)

G_END_DECLS

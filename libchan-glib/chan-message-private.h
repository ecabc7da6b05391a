/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-message.h"
#include "wire/chan-body.h"

G_BEGIN_DECLS

/* A message as it came: takes body, and the handles with their array
 * (g_free'd; NULL if n_handles is 0). */
ChanMessage *chan_message_new_received     (ChanBody *body, GObject **handles, gsize n_handles);
/* transfer none */
ChanBody    *chan_message_peek_body        (ChanMessage *self);

/* Each handle slot is {present, reserved, gone}, changed by compare-and-swap:
 * reserve takes all or none (FALSE + MOVED if one is gone, G_IO_ERROR_PENDING
 * if one is reserved by another send). */
gboolean     chan_message_reserve_handles   (ChanMessage *self, GError **error);
/* back to present */
void         chan_message_unreserve_handles (ChanMessage *self);
/* of a slot that the caller has reserved: borrow, or take for good (gone) */
GObject     *chan_message_peek_reserved     (ChanMessage *self, guint index_);
GObject     *chan_message_take_reserved     (ChanMessage *self, guint index_);

G_END_DECLS

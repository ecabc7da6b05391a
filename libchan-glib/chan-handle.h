/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-message.h"
#include "chan-pipe-private.h"

G_BEGIN_DECLS

/* How the ends inside a message move (docs/architecture.md, "Moving an end").
 *
 * send() packs: every end in the message must be idle; its side of the pipe
 * becomes RESERVED, and a new object in a new message on the same body stands
 * for it. If the message is accepted, the new objects go with it and the old
 * ones are moved-from (commit); if not, everything is as before (unpack). No
 * lock is held in pack, commit and unpack. */

/* The message to queue: the same one (another reference) without handles. NULL + error: nothing changed. */
ChanMessage *chan_message_pack   (ChanMessage *message, ChanPipe *carrier, GError **error);
/* Packed for another carrier: may it go over this one too? */
gboolean     chan_message_check_carrier (ChanMessage *message, ChanPipe *carrier, GError **error);
void         chan_message_commit (ChanMessage *message);
/* Gives back what pack() made, and frees it. */
void         chan_message_unpack (ChanMessage *message, ChanMessage *packed);
/* A message was taken by the application: its ends are now its own. */
void         chan_message_arrived (ChanMessage *message);
/* Out of the queue of what was received, under the pipe's lock: the peer is about to hear of it. */
void         chan_message_taken   (ChanMessage *message);
/* A message is dropped unread: the other ends of its handles see CLOSED. No lock held. */
void         chan_message_cancel_handles (ChanMessage *message);

/* Single objects, for the above and for what accept queues drop. */
void         chan_handle_cancel  (GObject *handle);
void         chan_handle_arrived (GObject *handle);

/* Under a session's lock, the handle being packed: its pipes move to the stream. */
ChanStreamKind chan_handle_kind   (GObject *handle);
void           chan_handle_export (GObject *handle, ChanStream *stream, ChanReactor *reactor, ChanLater *later);

G_END_DECLS

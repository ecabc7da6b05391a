/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/libchan-glib.h>

G_BEGIN_DECLS

/* What the tests say all the time. Every wait has an end; one that is reached fails the test. */

gint64 chan_test_deadline (void); /* for what must happen: 20 s */
gint64 chan_test_soon     (void); /* for what must not happen: 50 ms */

/* --- messages: numbers, bytes, or one handle --- */

ChanMessage *chan_test_message        (guint64 number);
ChanMessage *chan_test_message_bytes  (gsize size);
ChanMessage *chan_test_message_handle (gpointer handle);
/* `n` duplicates of a file descriptor */
ChanMessage *chan_test_message_fds    (int fd, guint n);
guint64      chan_test_number         (ChanMessage *message);

/* --- sending and receiving --- */

void         chan_test_send    (ChanSender *tx, guint64 first, guint n);
void         chan_test_send_message (ChanSender *tx, ChanMessage *message);
void         chan_test_take    (ChanReceiver *rx, guint64 first, guint n);
ChanMessage *chan_test_receive (ChanReceiver *rx);
/* Sends the object and takes it out at the other end. */
GObject     *chan_test_carry   (ChanSender *tx, ChanReceiver *rx, gpointer handle);
/* Takes messages that count up from `first` until the end: how many; the error of the end, or NULL. */
guint64      chan_test_take_until_end (ChanReceiver *rx, guint64 first, GError **end);

/* --- what must be --- */

void chan_test_assert_closed        (ChanReceiver *rx);
void chan_test_assert_ended         (ChanReceiver *rx, int code);
void chan_test_assert_broken        (ChanReceiver *rx); /* an error of any code, and not a close */
void chan_test_assert_peer_closed   (ChanSender *tx); /* sends fail with CLOSED, now or soon, and for good */
void chan_test_assert_full          (ChanSender *tx);
void chan_test_assert_nothing_comes (ChanReceiver *rx);
void chan_test_assert_moved_sender  (ChanSender *tx);
void chan_test_assert_moved_receiver (ChanReceiver *rx);

/* --- asynchronous calls --- */

/* Calls go to chan_test_reply_cb() with one of these as user data. */
typedef struct
{
  GMainContext *context; /* where the callback must come */
  GAsyncResult *result;
  guint n_calls;
} ChanTestReply;

void chan_test_reply_init  (ChanTestReply *self, GMainContext *context);
void chan_test_reply_clear (ChanTestReply *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ChanTestReply, chan_test_reply_clear)
void chan_test_reply_cb    (GObject *source, GAsyncResult *result, gpointer user_data);
/* Iterates the context until the callback came. */
void chan_test_reply_wait  (ChanTestReply *self);

/* Iterates until *counter >= value; the test fails if it takes too long. */
void chan_test_iterate_until (GMainContext *context, const guint *counter, guint value);
/* Iterates for 50 ms: for what must not happen. */
void chan_test_iterate_a_while (GMainContext *context);

/* --- threads --- */

typedef struct
{
  GThread *thread;
  int done; /* atomic */
  int id;   /* atomic: the kernel's; 0: it has not begun */
  void (*run) (gpointer user_data);
  gpointer user_data;
} ChanTestThread;

/* A thread with a main context of its own */
void     chan_test_thread_start (ChanTestThread *self, void (*run) (gpointer user_data), gpointer user_data);
gboolean chan_test_thread_is_done (ChanTestThread *self);
/* It is still busy after 50 ms, and sleeps. */
void     chan_test_thread_assert_waits (ChanTestThread *self);
void     chan_test_thread_join  (ChanTestThread *self);

/* Sends `n` numbers from `first`, closes if `close`; what stopped it is in `error`. */
typedef struct
{
  ChanTestThread thread;
  ChanSender *tx;
  GCancellable *cancellable;
  guint64 first;
  guint n;
  gboolean close;
  guint n_sent;
  GError *error;
} ChanTestSending;

void chan_test_sending_start (ChanTestSending *self, ChanSender *tx, guint64 first, guint n, gboolean close);
void chan_test_sending_join  (ChanTestSending *self);
void chan_test_sending_clear (ChanTestSending *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ChanTestSending, chan_test_sending_clear)

/* Receives once. */
typedef struct
{
  ChanTestThread thread;
  ChanReceiver *rx;
  GCancellable *cancellable;
  ChanMessage *message;
  GError *error;
} ChanTestReceiving;

void chan_test_receiving_start (ChanTestReceiving *self, ChanReceiver *rx, GCancellable *cancellable);
void chan_test_receiving_clear (ChanTestReceiving *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ChanTestReceiving, chan_test_receiving_clear)

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Channels in messages: deep, in lists, in maps, many. */
#include <string.h>

#include "interop-script.h"

#define CAPACITY 8
#define N_LIST 3
#define N_HANDLES 40
#define N_MESSAGES 3000
#define PADDING "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The ends of a new pipe: one goes into the draft, the other is given back. */
static ChanSender *
put_receiver (Draft *draft, const char *key)
{
  ChanSender *sender;
  ChanReceiver *receiver;

  chan_pipe_new (CAPACITY, &sender, &receiver);
  draft_put_handle (draft, key, receiver);
  return sender;
}

static ChanReceiver *
put_sender (Draft *draft, const char *key)
{
  ChanSender *sender;
  ChanReceiver *receiver;

  chan_pipe_new (CAPACITY, &sender, &receiver);
  draft_put_handle (draft, key, sender);
  return receiver;
}

/* --- nested-both, receiver --- */

static void
call_nested (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanReceiver) thanks = NULL;
  g_autoptr (ChanMessage) question = NULL;
  ChanSender *ask;
  Draft draft;

  draft_init (&draft);
  script_ask (self, "nested-both", &draft, &answers);
  question = receive (answers);
  message_expect (question, "Text", g_variant_new_string ("ask"));
  ask = message_take (question, "Ask", CHAN_TYPE_SENDER);
  draft_init (&draft);
  draft_put (&draft, "N", g_variant_new_int64 (42));
  thanks = put_sender (&draft, "Ret");
  draft_send (&draft, ask);
  close_sender (ask);
  expect_parsed (thanks, "{'Text': <'thanks'>}");
  expect_end (thanks);
  expect_end (answers);
}

static void
serve_nested (Script *self)
{
  g_autoptr (ChanReceiver) replies = NULL;
  g_autoptr (ChanMessage) reply = NULL;
  ChanSender *ret = script_reply_sender (self);
  ChanSender *thanks;
  Draft draft;

  draft_init (&draft);
  draft_put (&draft, "Text", g_variant_new_string ("ask"));
  replies = put_sender (&draft, "Ask");
  draft_send (&draft, ret);
  reply = receive (replies);
  message_expect (reply, "N", g_variant_new_int64 (42));
  expect_end (replies);
  thanks = message_take (reply, "Ret", CHAN_TYPE_SENDER);
  send_parsed (thanks, "{'Text': <'thanks'>}");
  close_sender (thanks);
  close_sender (ret);
}

static void
call_receiver (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  ChanSender *out;
  Draft draft;

  draft_init (&draft);
  out = put_receiver (&draft, "In");
  script_ask (self, "receiver", &draft, &answers);
  for (int i = 0; i < 10; i++)
    send_parsed (out, "{'N': <%x>}", (gint64) i);
  close_sender (out);
  expect_parsed (answers, "{'Sum': <int64 45>}");
  expect_end (answers);
}

static void
serve_receiver (Script *self)
{
  g_autoptr (ChanReceiver) in = message_take (self->request, "In", CHAN_TYPE_RECEIVER);
  ChanSender *ret = script_reply_sender (self);
  gint64 sum = 0;

  for (int i = 0; i < 10; i++)
    {
      g_autoptr (ChanMessage) message = receive (in);
      g_autoptr (GVariant) number = message_value (message, "N");

      sum += g_variant_get_int64 (number);
    }
  expect_end (in);
  send_parsed (ret, "{'Sum': <%x>}", sum);
  close_sender (ret);
}

/* --- three-deep --- */

static ChanSender *
send_receiver (ChanSender *to, const char *key)
{
  ChanSender *inner;
  Draft draft;

  draft_init (&draft);
  inner = put_receiver (&draft, key);
  draft_send (&draft, to);
  return inner;
}

/* A receiver, on which comes a receiver, on which comes a receiver, on which comes a message. */
static void
give_deep (ChanSender *to)
{
  g_autoptr (ChanReceiver) answers = NULL;
  ChanSender *a = send_receiver (to, "A");
  ChanSender *b = send_receiver (a, "B");
  ChanSender *c = send_receiver (b, "C");
  Draft draft;

  draft_init (&draft);
  draft_put (&draft, "Text", g_variant_new_string ("three deep"));
  answers = put_sender (&draft, "Ret");
  draft_send (&draft, c);
  close_sender (a);
  close_sender (b);
  close_sender (c);
  expect_parsed (answers, "{'Text': <'from below'>}");
  expect_end (answers);
}

static ChanReceiver *
take_receiver (ChanReceiver *from, const char *key)
{
  g_autoptr (ChanMessage) message = receive (from);

  return message_take (message, key, CHAN_TYPE_RECEIVER);
}

static void
take_deep (ChanReceiver *from)
{
  g_autoptr (ChanReceiver) a = take_receiver (from, "A");
  g_autoptr (ChanReceiver) b = take_receiver (a, "B");
  g_autoptr (ChanReceiver) c = take_receiver (b, "C");
  g_autoptr (ChanMessage) last = receive (c);
  ChanSender *ret = message_take (last, "Ret", CHAN_TYPE_SENDER);

  message_expect (last, "Text", g_variant_new_string ("three deep"));
  expect_end (a);
  expect_end (b);
  expect_end (c);
  send_parsed (ret, "{'Text': <'from below'>}");
  close_sender (ret);
}

static void
call_deep (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  Draft draft;

  draft_init (&draft);
  give_deep (script_ask (self, "three-deep", &draft, &answers));
  take_deep (answers);
  expect_end (answers);
}

static void
serve_deep (Script *self)
{
  ChanSender *ret = script_reply_sender (self);

  take_deep (self->channel);
  give_deep (ret);
  close_sender (ret);
}

/* --- list --- */

static void
call_list (Script *self)
{
  GVariantBuilder outs = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));
  GVariantBuilder ins = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));
  g_autoptr (ChanReceiver) answers = NULL;
  ChanReceiver *receivers[N_LIST], *in;
  ChanSender *senders[N_LIST], *out;
  Draft draft;

  draft_init (&draft);
  for (int i = 0; i < N_LIST; i++)
    {
      chan_pipe_new (CAPACITY, &out, &receivers[i]);
      chan_pipe_new (CAPACITY, &senders[i], &in);
      g_variant_builder_add (&outs, "v", g_variant_new_handle (draft_add (&draft, out)));
      g_variant_builder_add (&ins, "v", g_variant_new_handle (draft_add (&draft, in)));
    }
  draft_put (&draft, "Outs", g_variant_builder_end (&outs));
  draft_put (&draft, "Ins", g_variant_builder_end (&ins));
  script_ask (self, "list", &draft, &answers);
  for (int i = 0; i < N_LIST; i++)
    {
      send_parsed (senders[i], "{'N': <%x>}", (gint64) 10 + i);
      close_sender (senders[i]);
    }
  for (int i = 0; i < N_LIST; i++)
    {
      expect_parsed (receivers[i], "{'N': <%x>}", (gint64) i);
      expect_end (receivers[i]);
      g_object_unref (receivers[i]);
    }
  expect_parsed (answers, "{'Got': <[<int64 10>, <int64 11>, <int64 12>]>}");
  expect_end (answers);
}

/* The handle at a place in a list of the message. */
static gpointer
take_listed (ChanMessage *message, const char *key, gsize place, gsize length, GType type)
{
  g_autoptr (GVariant) list = message_value (message, key);
  g_autoptr (GVariant) item = NULL;

  script_check (g_variant_is_of_type (list, G_VARIANT_TYPE ("av")), "%s is no list", key);
  script_check (g_variant_n_children (list) == length, "%s has %" G_GSIZE_FORMAT " places", key, g_variant_n_children (list));
  g_variant_get_child (list, place, "v", &item);
  return message_take_value (message, item, type);
}

static void
serve_list (Script *self)
{
  GVariantBuilder got = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));
  ChanSender *ret = script_reply_sender (self);
  Draft draft;

  for (gsize i = 0; i < N_LIST; i++)
    {
      ChanSender *out = take_listed (self->request, "Outs", i, N_LIST, CHAN_TYPE_SENDER);

      send_parsed (out, "{'N': <%x>}", (gint64) i);
      close_sender (out);
    }
  for (gsize i = 0; i < N_LIST; i++)
    {
      g_autoptr (ChanReceiver) in = take_listed (self->request, "Ins", i, N_LIST, CHAN_TYPE_RECEIVER);
      g_autoptr (ChanMessage) message = receive (in);

      g_variant_builder_add_value (&got, g_variant_new_variant (message_value (message, "N")));
      expect_end (in);
    }
  draft_init (&draft);
  draft_put (&draft, "Got", g_variant_builder_end (&got));
  draft_send (&draft, ret);
  close_sender (ret);
}

/* --- untyped --- */

static void
call_untyped (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanReceiver) texts = NULL;
  g_autoptr (ChanMessage) answer = NULL;
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GVariant) item = NULL;
  g_autoptr (GVariant) handle = NULL;
  ChanSender *ret, *out, *back;
  ChanReceiver *in;
  Draft draft;

  chan_pipe_new (CAPACITY, &ret, &texts);
  chan_pipe_new (CAPACITY, &out, &in);
  draft_init (&draft);
  draft_put (&draft, "Any", g_variant_new_parsed ("{'Name': <'x'>, 'List': <[<int64 1>, <{'Ret': <%h>, 'Nil': <@mv nothing>}>, <'two'>]>, 'In': <%h>}",
                                                  draft_add (&draft, ret),
                                                  draft_add (&draft, in)));
  script_ask (self, "untyped", &draft, &answers);
  expect_parsed (texts, "{'Text': <'untyped'>}");
  expect_end (texts);
  send_parsed (out, "{'Text': <'in'>}");
  close_sender (out);
  answer = receive (answers);
  list = message_value (answer, "Any");
  script_check (g_variant_is_of_type (list, G_VARIANT_TYPE ("av")) && g_variant_n_children (list) == 1, "Any is not a list of one");
  g_variant_get_child (list, 0, "v", &item);
  script_check (g_variant_lookup (item, "Back", "@h", &handle), "no Back in Any");
  back = message_take_value (answer, handle, CHAN_TYPE_SENDER);
  send_parsed (back, "{'Text': <'back'>}");
  close_sender (back);
  expect_end (answers);
}

/* Any without its handles, which are given back. */
static void
take_untyped (Script *self, ChanSender **ret, ChanReceiver **in)
{
  g_autoptr (GVariant) any = message_value (self->request, "Any");
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GVariant) inner = NULL;
  g_autoptr (GVariant) ret_handle = NULL;
  g_autoptr (GVariant) in_handle = NULL;
  GVariantDict dict;

  script_check (g_variant_lookup (any, "List", "@av", &list) && g_variant_n_children (list) == 3, "List is not a list of three");
  g_variant_get_child (list, 1, "v", &inner);
  script_check (g_variant_lookup (inner, "Ret", "@h", &ret_handle) && g_variant_lookup (any, "In", "@h", &in_handle), "no handles");
  g_variant_dict_init (&dict, any);
  g_variant_dict_remove (&dict, "In");
  g_variant_dict_remove (&dict, "List");
  expect_body ("Any", g_variant_dict_end (&dict), g_variant_new_parsed ("{'Name': <'x'>}"));
  g_variant_dict_init (&dict, inner);
  g_variant_dict_remove (&dict, "Ret");
  expect_body ("inner", g_variant_dict_end (&dict), g_variant_new_parsed ("{'Nil': <@mv nothing>}"));
  *ret = message_take_value (self->request, ret_handle, CHAN_TYPE_SENDER);
  *in = message_take_value (self->request, in_handle, CHAN_TYPE_RECEIVER);
}

static void
serve_untyped (Script *self)
{
  g_autoptr (ChanReceiver) in = NULL;
  g_autoptr (ChanReceiver) texts = NULL;
  ChanSender *ret = script_reply_sender (self);
  ChanSender *inner, *back;
  Draft draft;

  take_untyped (self, &inner, &in);
  send_parsed (inner, "{'Text': <'untyped'>}");
  close_sender (inner);
  expect_parsed (in, "{'Text': <'in'>}");
  expect_end (in);
  chan_pipe_new (CAPACITY, &back, &texts);
  draft_init (&draft);
  draft_put (&draft, "Any", g_variant_new_parsed ("[<{'Back': <%h>}>]", draft_add (&draft, back)));
  draft_send (&draft, ret);
  expect_parsed (texts, "{'Text': <'back'>}");
  expect_end (texts);
  close_sender (ret);
}

/* --- many-handles --- */

/* (transfer full) */
static void
send_number (ChanSender *to, int number)
{
  send_parsed (to, "{'N': <%x>}", (gint64) number);
  close_sender (to);
}

/* (transfer full) */
static void
expect_number (ChanReceiver *from, int number)
{
  expect_parsed (from, "{'N': <%x>}", (gint64) number);
  expect_end (from);
  g_object_unref (from);
}

static void
call_many (Script *self)
{
  GVariantBuilder outs = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanMessage) answer = NULL;
  ChanReceiver *receivers[N_HANDLES];
  ChanSender *out;
  Draft draft;

  draft_init (&draft);
  for (int i = 0; i < N_HANDLES; i++)
    {
      chan_pipe_new (CAPACITY, &out, &receivers[i]);
      g_variant_builder_add (&outs, "v", g_variant_new_handle (draft_add (&draft, out)));
    }
  draft_put (&draft, "Outs", g_variant_builder_end (&outs));
  script_ask (self, "many-handles", &draft, &answers);
  for (int i = 0; i < N_HANDLES; i++)
    expect_number (receivers[i], i);
  answer = receive (answers);
  for (int i = 0; i < N_HANDLES; i++)
    expect_number (take_listed (answer, "Ins", (gsize) i, N_HANDLES, CHAN_TYPE_RECEIVER), i);
  expect_end (answers);
}

static void
serve_many (Script *self)
{
  GVariantBuilder ins = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));
  ChanSender *ret = script_reply_sender (self);
  ChanSender *senders[N_HANDLES];
  ChanReceiver *in;
  Draft draft;

  for (gsize i = 0; i < N_HANDLES; i++)
    send_number (take_listed (self->request, "Outs", i, N_HANDLES, CHAN_TYPE_SENDER), (int) i);
  draft_init (&draft);
  for (int i = 0; i < N_HANDLES; i++)
    {
      chan_pipe_new (CAPACITY, &senders[i], &in);
      g_variant_builder_add (&ins, "v", g_variant_new_handle (draft_add (&draft, in)));
    }
  draft_put (&draft, "Ins", g_variant_builder_end (&ins));
  draft_send (&draft, ret);
  for (int i = 0; i < N_HANDLES; i++)
    send_number (senders[i], i);
  close_sender (ret);
}

/* --- flow --- */

static gpointer
flow_thread (gpointer data)
{
  ChanSender *to = data;

  for (int i = 0; i < N_MESSAGES; i++)
    send_parsed (to, "{'N': <%x>, 'Text': <%s>}", (gint64) i, PADDING);
  close_sender (to);
  return NULL;
}

static void
flow (ChanSender *out, ChanReceiver *in)
{
  GThread *thread = script_start (flow_thread, out);

  for (int i = 0; i < N_MESSAGES; i++)
    expect_parsed (in, "{'N': <%x>, 'Text': <%s>}", (gint64) i, PADDING);
  expect_end (in);
  g_thread_join (thread);
}

static void
call_flow (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanReceiver) in = NULL;
  ChanSender *out;
  Draft draft;

  draft_init (&draft);
  in = put_sender (&draft, "Out");
  out = put_receiver (&draft, "In");
  script_ask (self, "flow", &draft, &answers);
  flow (out, in);
  expect_end (answers);
}

static void
serve_flow (Script *self)
{
  g_autoptr (ChanReceiver) in = message_take (self->request, "In", CHAN_TYPE_RECEIVER);

  flow (message_take (self->request, "Out", CHAN_TYPE_SENDER), in);
  close_sender (script_reply_sender (self));
}

const Scenario channel_scenarios[] = {
  { "nested-both", call_nested, serve_nested },
  { "receiver", call_receiver, serve_receiver },
  { "three-deep", call_deep, serve_deep },
  { "list", call_list, serve_list },
  { "untyped", call_untyped, serve_untyped },
  { "many-handles", call_many, serve_many },
  { "flow", call_flow, serve_flow },
  { NULL, NULL, NULL },
};

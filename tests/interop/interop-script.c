/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "interop-script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_SEC 15
#define REPLY_CAPACITY 4

static GPrivate thread_name = G_PRIVATE_INIT (g_free);

/* --- verdicts --- */

void
script_name_thread (const char *name)
{
  g_private_replace (&thread_name, g_strdup (name));
}

static void
failed (const char *format, va_list arguments)
{
  g_autofree char *why = g_strdup_vprintf (format, arguments);
  const char *name = g_private_get (&thread_name);

  printf ("%s failed: %s\n", name != NULL ? name : "peer", why);
  fflush (stdout);
  _Exit (1);
}

void
script_fail (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  failed (format, arguments);
  va_end (arguments);
  abort ();
}

void
script_check (gboolean good, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  if (!good)
    failed (format, arguments);
  va_end (arguments);
}

void
script_must (GError *error)
{
  if (error != NULL)
    script_fail ("%s %d: %s", g_quark_to_string (error->domain), error->code, error->message);
}

gint64
script_deadline (void)
{
  return g_get_monotonic_time () + PATIENCE_SEC * G_USEC_PER_SEC;
}

typedef struct
{
  char *name;
  GThreadFunc function;
  gpointer data;
} Start;

static gpointer
named_thread (gpointer data)
{
  g_autofree Start *start = data;

  g_private_replace (&thread_name, start->name);
  return start->function (start->data);
}

/* A thread of the same script. */
GThread *
script_start (GThreadFunc function, gpointer data)
{
  Start *start = g_new (Start, 1);

  *start = (Start){ g_strdup (g_private_get (&thread_name)), function, data };
  return g_thread_new ("script", named_thread, start);
}

/* --- sending --- */

void
draft_init (Draft *self)
{
  g_variant_dict_init (&self->dict, NULL);
  self->handles = g_ptr_array_new_with_free_func (g_object_unref);
}

void
draft_put (Draft *self, const char *key, GVariant *value)
{
  g_variant_dict_insert_value (&self->dict, key, value);
}

/* Its number, for values of type `h`. */
gint32
draft_add (Draft *self, gpointer handle)
{
  g_ptr_array_add (self->handles, handle);
  return (gint32) self->handles->len - 1;
}

void
draft_put_handle (Draft *self, const char *key, gpointer handle)
{
  draft_put (self, key, g_variant_new_handle (draft_add (self, handle)));
}

void
draft_send (Draft *self, ChanSender *to)
{
  g_autoptr (GPtrArray) handles = g_steal_pointer (&self->handles);
  g_autoptr (ChanMessage) message = chan_message_new_with_handles (g_variant_dict_end (&self->dict), (GObject **) handles->pdata,
                                                                   handles->len);
  GError *error = NULL;

  chan_sender_send_until (to, message, script_deadline (), NULL, &error);
  script_must (error);
}

void
send_value (ChanSender *to, GVariant *body)
{
  g_autoptr (ChanMessage) message = chan_message_new (body);
  GError *error = NULL;

  chan_sender_send_until (to, message, script_deadline (), NULL, &error);
  script_must (error);
}

void
send_parsed (ChanSender *to, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  send_value (to, g_variant_new_parsed_va (format, &arguments));
  va_end (arguments);
}

/* (transfer full) */
void
close_sender (ChanSender *sender)
{
  chan_sender_close (sender);
  g_object_unref (sender);
}

/* --- receiving --- */

ChanMessage *
receive (ChanReceiver *from)
{
  GError *error = NULL;
  ChanMessage *message = chan_receiver_receive_until (from, script_deadline (), NULL, &error);

  script_must (error);
  script_check (message != NULL, "the channel is closed where a message should be");
  return message;
}

static gboolean bodies_equal (GVariant *a, GVariant *b);

/* A peer's map has no order. */
static gboolean
dictionaries_equal (GVariant *a, GVariant *b)
{
  GVariantIter iter;
  const char *key;
  GVariant *value;

  if (g_variant_n_children (a) != g_variant_n_children (b))
    return FALSE;
  g_variant_iter_init (&iter, a);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    {
      g_autoptr (GVariant) other = g_variant_lookup_value (b, key, NULL);

      if (other == NULL || !bodies_equal (value, other))
        {
          g_variant_unref (value);
          return FALSE;
        }
    }
  return TRUE;
}

/* g_variant_equal() prints what it compares, which takes long for large values. */
static gboolean
same_bytes (GVariant *a, GVariant *b)
{
  gsize size = g_variant_get_size (a);

  return size == g_variant_get_size (b) && (size == 0 || memcmp (g_variant_get_data (a), g_variant_get_data (b), size) == 0);
}

static gboolean
bodies_equal (GVariant *a, GVariant *b)
{
  if (!g_variant_type_equal (g_variant_get_type (a), g_variant_get_type (b)))
    return FALSE;
  if (g_variant_is_of_type (a, G_VARIANT_TYPE_VARDICT))
    return dictionaries_equal (a, b);
  if (!g_variant_is_of_type (a, G_VARIANT_TYPE ("av")))
    return same_bytes (a, b);
  if (g_variant_n_children (a) != g_variant_n_children (b))
    return FALSE;
  for (gsize i = 0; i < g_variant_n_children (a); i++)
    {
      g_autoptr (GVariant) outer_a = g_variant_get_child_value (a, i);
      g_autoptr (GVariant) outer_b = g_variant_get_child_value (b, i);
      g_autoptr (GVariant) inner_a = g_variant_get_variant (outer_a);
      g_autoptr (GVariant) inner_b = g_variant_get_variant (outer_b);

      if (!bodies_equal (inner_a, inner_b))
        return FALSE;
    }
  return TRUE;
}

/* want: floating or not, taken */
void
expect_body (const char *what, GVariant *got, GVariant *want)
{
  g_autoptr (GVariant) wanted = g_variant_ref_sink (want);
  g_autofree char *text = NULL;
  g_autofree char *wanted_text = NULL;

  if (bodies_equal (got, wanted))
    return;
  text = g_variant_print (got, TRUE);
  wanted_text = g_variant_print (wanted, TRUE);
  script_fail ("%s: got %.300s for %.300s", what, text, wanted_text);
}

void
expect (ChanReceiver *from, GVariant *want)
{
  g_autoptr (ChanMessage) message = receive (from);

  expect_body ("message", chan_message_get_body (message), want);
}

void
expect_parsed (ChanReceiver *from, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  expect (from, g_variant_new_parsed_va (format, &arguments));
  va_end (arguments);
}

/* The sender closed, which is more than that nothing comes. */
void
expect_end (ChanReceiver *from)
{
  GError *error = NULL;
  g_autoptr (ChanMessage) message = chan_receiver_receive_until (from, script_deadline (), NULL, &error);

  script_must (error);
  script_check (message == NULL, "a message where the end should be");
}

/* --- what is in a message --- */

/* (transfer full) */
GVariant *
message_value (ChanMessage *message, const char *key)
{
  GVariant *body = chan_message_get_body (message);
  GVariant *value = NULL;

  if (g_variant_is_of_type (body, G_VARIANT_TYPE_VARDICT))
    value = g_variant_lookup_value (body, key, NULL);
  script_check (value != NULL, "no %s in the message", key);
  return value;
}

void
message_expect (ChanMessage *message, const char *key, GVariant *want)
{
  g_autoptr (GVariant) value = message_value (message, key);

  expect_body (key, value, want);
}

/* (transfer full): the handle that a value of the message's body names */
gpointer
message_take_value (ChanMessage *message, GVariant *value, GType type)
{
  GObject *handle = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_HANDLE))
    handle = chan_message_steal_handle (message, (guint) g_variant_get_handle (value));
  script_check (handle != NULL, "no handle where there should be one");
  script_check (g_type_is_a (G_OBJECT_TYPE (handle), type), "a handle of type %s", G_OBJECT_TYPE_NAME (handle));
  return handle;
}

gpointer
message_take (ChanMessage *message, const char *key, GType type)
{
  g_autoptr (GVariant) value = message_value (message, key);

  return message_take_value (message, value, type);
}

/* --- the two roles --- */

static ChanSession *
new_session (Script *self)
{
  GError *error = NULL;
  ChanSession *session = chan_connect_until (self->uri, script_deadline (), NULL, &error);

  script_must (error);
  return session;
}

/* session: (nullable): over which to ask; NULL: a new one. Returns: (transfer none) */
ChanSender *
script_ask_over (Script *self, ChanSession *session, const char *scenario, Draft *draft, ChanReceiver **answers)
{
  g_autoptr (ChanSession) over = session != NULL ? g_object_ref (session) : new_session (self);
  GError *error = NULL;
  ChanSender *channel = chan_session_open_channel (over, NULL, &error);
  ChanSender *ret = NULL;

  script_must (error);
  chan_pipe_new (REPLY_CAPACITY, &ret, answers);
  draft_put (draft, "Scenario", g_variant_new_string (scenario));
  draft_put_handle (draft, "Ret", ret);
  draft_send (draft, channel);
  g_ptr_array_add (self->channels, channel);
  g_ptr_array_add (self->channels, g_steal_pointer (&over));
  return channel;
}

ChanSender *
script_ask (Script *self, const char *scenario, Draft *draft, ChanReceiver **answers)
{
  if (self->session == NULL)
    self->session = new_session (self);
  return script_ask_over (self, self->session, scenario, draft, answers);
}

ChanSender *
script_reply_sender (Script *self)
{
  return message_take (self->request, "Ret", CHAN_TYPE_SENDER);
}

/* The caller's end: nothing is lost, and nothing has to be waited for in vain. */
void
script_finish (Script *self)
{
  GError *error = NULL;

  for (guint i = 0; i < self->channels->len; i += 2)
    chan_sender_close (g_ptr_array_index (self->channels, i));
  for (guint i = 0; i < self->channels->len; i += 2)
    {
      ChanSession *session = g_ptr_array_index (self->channels, i + 1);

      if (chan_session_get_state (session) < CHAN_SESSION_CLOSED)
        chan_session_close_until (session, script_deadline (), NULL, &error);
      script_must (error);
    }
}

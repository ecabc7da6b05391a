/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a message may say: the scenarios that carry values. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "interop-script.h"

#define GREETING "hello, libchan ☺"
#define LARGE_SIZE 300000

static const gint64 signed_edges[] = {
  0, 1, -1, -31, -32, -33, 127, 128, -127, -128, -129, 255, 256, 32767, 32768, -32768, -32769, 65535, 65536, G_MAXINT32,
  G_GINT64_CONSTANT (2147483648), G_MININT32, G_GINT64_CONSTANT (-2147483649), G_MAXUINT32, G_GINT64_CONSTANT (4294967296),
  G_GINT64_CONSTANT (9007199254740991), G_GINT64_CONSTANT (9007199254740993), G_MAXINT64, G_MININT64,
};
static const guint64 unsigned_edges[] = {
  0, 127, 128, 255, 256, 65535, 65536, G_MAXUINT32, G_GUINT64_CONSTANT (4294967296), G_MAXINT64, G_MAXINT64 + G_GUINT64_CONSTANT (1),
  G_MAXUINT64,
};
static const struct
{
  gint64 seconds;
  guint32 nanoseconds;
} time_edges[] = { { 0, 0 }, { 1424694896, 789012345 }, { -62135596800, 0 }, { 253402300799, 999999999 }, { -1, 999999999 } };

static void
add (GVariantBuilder *list, GVariant *value)
{
  g_variant_builder_add (list, "v", value);
}

static GVariant *
signed_list (void)
{
  GVariantBuilder list = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));

  for (gsize i = 0; i < G_N_ELEMENTS (signed_edges); i++)
    add (&list, g_variant_new_int64 (signed_edges[i]));
  return g_variant_builder_end (&list);
}

/* sent: all as unsigned; as it is received: only what needs it */
static GVariant *
unsigned_list (gboolean sent)
{
  GVariantBuilder list = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));

  for (gsize i = 0; i < G_N_ELEMENTS (unsigned_edges); i++)
    add (&list, sent || unsigned_edges[i] > G_MAXINT64 ? g_variant_new_uint64 (unsigned_edges[i])
                                                       : g_variant_new_int64 ((gint64) unsigned_edges[i]));
  return g_variant_builder_end (&list);
}

static GVariant *
time_list (void)
{
  GVariantBuilder list = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));

  for (gsize i = 0; i < G_N_ELEMENTS (time_edges); i++)
    add (&list, g_variant_new ("(sxu)", "time", time_edges[i].seconds, time_edges[i].nanoseconds));
  return g_variant_builder_end (&list);
}

static GVariant *
bytes (char byte, gsize length)
{
  g_autofree char *data = g_malloc (length + 1);

  memset (data, byte, length);
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, data, length, 1);
}

static GVariant *
text (char letter, gsize length)
{
  char *data = g_strnfill (length, letter);

  return g_variant_new_take_string (data);
}

static void
add_containers (GVariantBuilder *list, int length)
{
  GVariantBuilder numbers = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));
  GVariantDict entries;

  g_variant_dict_init (&entries, NULL);
  for (int i = 0; i < length; i++)
    {
      g_autofree char *key = g_strdup_printf ("k%d", i);

      add (&numbers, g_variant_new_int64 (i));
      g_variant_dict_insert (&entries, key, "x", (gint64) i);
    }
  add (list, g_variant_builder_end (&numbers));
  add (list, g_variant_dict_end (&entries));
}

static GVariant *
value_list (void)
{
  static const double numbers[] = { 0.0, -0.0, 1.5, INFINITY, -INFINITY, 5e-324, DBL_MAX };
  static const gsize text_lengths[] = { 31, 32, 255, 256, 65535, 65536 };
  static const gsize byte_lengths[] = { 0, 1, 255, 256, 65535, 65536 };
  static const char *const containers[] = { "@av []", "[<@av []>]", "@a{sv} {}", "{'a': <@a{sv} {}>}" };
  GVariantBuilder list = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));

  add (&list, g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL));
  add (&list, g_variant_new_boolean (FALSE));
  add (&list, g_variant_new_boolean (TRUE));
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    add (&list, g_variant_new_double (numbers[i]));
  add (&list, g_variant_new_string (""));
  add (&list, g_variant_new_string ("☺𝄞"));
  for (gsize i = 0; i < G_N_ELEMENTS (text_lengths); i++)
    add (&list, text ('a', text_lengths[i]));
  for (gsize i = 0; i < G_N_ELEMENTS (byte_lengths); i++)
    add (&list, bytes ('b', byte_lengths[i]));
  for (gsize i = 0; i < G_N_ELEMENTS (containers); i++)
    add (&list, g_variant_new_parsed (containers[i]));
  add_containers (&list, 15);
  add_containers (&list, 16);
  return g_variant_builder_end (&list);
}

/* --- echo, channels, large --- */

static void
call_echo (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  Draft draft;

  draft_init (&draft);
  draft_put (&draft, "Text", g_variant_new_string (GREETING));
  script_ask (self, "echo", &draft, &answers);
  expect_parsed (answers, "{'Text': <%s>}", GREETING);
  expect_end (answers);
}

static void
serve_echo (Script *self)
{
  g_autoptr (GVariant) echoed = message_value (self->request, "Text");
  ChanSender *ret = script_reply_sender (self);

  send_parsed (ret, "{'Text': <%@*>}", echoed);
  close_sender (ret);
}

static void
call_channels (Script *self)
{
  ChanReceiver *answers[3];

  for (int i = 0; i < 3; i++)
    {
      Draft draft;

      draft_init (&draft);
      draft_put (&draft, "Text", g_variant_new_printf ("%d", i));
      script_ask (self, "echo", &draft, &answers[i]);
    }
  for (int i = 2; i >= 0; i--)
    {
      GVariantDict dict;

      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert_value (&dict, "Text", g_variant_new_printf ("%d", i));
      expect (answers[i], g_variant_dict_end (&dict));
      expect_end (answers[i]);
      g_object_unref (answers[i]);
    }
}

static GVariant *
large_bytes (void)
{
  g_autofree guint8 *data = g_malloc (LARGE_SIZE);

  for (gsize i = 0; i < LARGE_SIZE; i++)
    data[i] = (guint8) (i * 7 % 251);
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, data, LARGE_SIZE, 1);
}

static void
put_large (Draft *draft)
{
  draft_put (draft, "Text", text ('x', LARGE_SIZE));
  draft_put (draft, "Data", large_bytes ());
}

static void
expect_large (ChanMessage *message, gboolean typed)
{
  message_expect (message, "Text", text ('x', LARGE_SIZE));
  message_expect (message, "Data", large_bytes ());
}

/* --- the lists of values --- */

static void
put_values (Draft *draft)
{
  draft_put (draft, "Values", value_list ());
  draft_put (draft, "Number", g_variant_new_double (1));
  draft_put (draft, "Truth", g_variant_new_boolean (TRUE));
}

static void
expect_values (ChanMessage *message, gboolean typed)
{
  message_expect (message, "Values", value_list ());
  message_expect (message, "Number", g_variant_new_double (1));
  message_expect (message, "Truth", g_variant_new_boolean (TRUE));
}

static void
put_integers (Draft *draft)
{
  draft_put (draft, "Values", signed_list ());
  draft_put (draft, "Unsigned", unsigned_list (TRUE));
}

static void
expect_integers (ChanMessage *message, gboolean typed)
{
  message_expect (message, "Values", signed_list ());
  message_expect (message, "Unsigned", unsigned_list (typed));
}

static void
put_times (Draft *draft)
{
  draft_put (draft, "Values", time_list ());
}

static void
expect_times (ChanMessage *message, gboolean typed)
{
  message_expect (message, "Values", time_list ());
}

static const char *const nil_keys[] = { "NilSender", "NilReceiver", "NilStream", "NilText", "NilList", "NilBytes", "NilAny", "NilStruct" };

static void
put_nils (Draft *draft)
{
  for (gsize i = 0; i < G_N_ELEMENTS (nil_keys); i++)
    draft_put (draft, nil_keys[i], g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL));
}

static void
expect_nils (ChanMessage *message, gboolean typed)
{
  for (gsize i = 0; i < G_N_ELEMENTS (nil_keys); i++)
    message_expect (message, nil_keys[i], g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL));
}

/* Those where both sides send the same, and check it. */
static const struct
{
  const char *name;
  void (*put) (Draft *draft);
  void (*expect) (ChanMessage *message, gboolean typed);
} symmetric[] = {
  { "large", put_large, expect_large },
  { "values", put_values, expect_values },
  { "integers", put_integers, expect_integers },
  { "times", put_times, expect_times },
  { "nil", put_nils, expect_nils },
};

/* Our own kind keeps the types of integers; in msgpack they are not said. */
static gboolean
keeps_types (Script *self)
{
  const char *dialect = chan_session_get_dialect (self->session);

  return g_strcmp0 (dialect, "glib") == 0 || g_strcmp0 (dialect, "dbus") == 0;
}

static void
call_symmetric (Script *self, guint which)
{
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanMessage) answer = NULL;
  Draft draft;

  draft_init (&draft);
  symmetric[which].put (&draft);
  script_ask (self, symmetric[which].name, &draft, &answers);
  answer = receive (answers);
  symmetric[which].expect (answer, keeps_types (self));
  expect_end (answers);
}

static void
serve_symmetric (Script *self, guint which)
{
  ChanSender *ret = script_reply_sender (self);
  Draft draft;

  symmetric[which].expect (self->request, keeps_types (self));
  draft_init (&draft);
  symmetric[which].put (&draft);
  draft_send (&draft, ret);
  close_sender (ret);
}

#define SYMMETRIC(name, which) \
  static void call_##name (Script *self) { call_symmetric (self, which); } \
  static void serve_##name (Script *self) { serve_symmetric (self, which); }

SYMMETRIC (large, 0)
SYMMETRIC (values, 1)
SYMMETRIC (integers, 2)
SYMMETRIC (times, 3)
SYMMETRIC (nil, 4)

/* --- extra: what the other side does not know --- */

static void
call_extra (Script *self)
{
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanReceiver) unused = NULL;
  g_autoptr (ChanMessage) answer = NULL;
  g_autoptr (GIOStream) here = NULL;
  ChanSender *unused_sender;
  GIOStream *there;
  Draft draft;

  chan_pipe_new (1, &unused_sender, &unused);
  chan_byte_pipe_new (&here, &there);
  draft_init (&draft);
  draft_put (&draft, "Known", g_variant_new_int64 (1));
  draft_put (&draft, "Extra", g_variant_new_parsed ("{'deep': <[<int64 1>, <{'er': <b'x'>}>]>}"));
  draft_put (&draft, "", g_variant_new_string ("no name"));
  draft_put (&draft, "ExtraNil", g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL));
  draft_put_handle (&draft, "ExtraSender", unused_sender);
  draft_put_handle (&draft, "ExtraStream", there);
  script_ask (self, "extra", &draft, &answers);
  answer = receive (answers);
  message_expect (answer, "Known", g_variant_new_int64 (2));
  expect_end (answers);
}

static void
serve_extra (Script *self)
{
  ChanSender *ret = script_reply_sender (self);

  message_expect (self->request, "Known", g_variant_new_int64 (1));
  send_parsed (ret, "{'Known': <int64 2>, 'More': <{'a': <[<@mv nothing>]>}>}");
  close_sender (ret);
}

const Scenario value_scenarios[] = {
  { "echo", call_echo, serve_echo },
  { "channels", call_channels, NULL },
  { "large", call_large, serve_large },
  { "values", call_values, serve_values },
  { "integers", call_integers, serve_integers },
  { "times", call_times, serve_times },
  { "nil", call_nil, serve_nil },
  { "extra", call_extra, serve_extra },
  { NULL, NULL, NULL },
};

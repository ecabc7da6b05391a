/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A chat room. Who comes in sends {Name, Inbox}: a name, and a channel on which
 * everything said is sent to them; then {Text} for each thing they say. */
#include "example.h"

typedef struct
{
  GHashTable *room;    /* name: Guest; of all who are in */
  char *name;          /* NULL until they come in */
  ChanSender *inbox;
} Guest;

/* Who does not keep up misses things; the others do not wait for them. Who is
 * gone leaves when their own channel ends. */
static void
tell_all (GHashTable *room, const char *from, const char *text)
{
  g_autoptr (ChanMessage) said = chan_message_new (g_variant_new_parsed ("{'From': <%s>, 'Text': <%s>}", from, text));
  GHashTableIter iter;
  gpointer guest;

  g_hash_table_iter_init (&iter, room);
  while (g_hash_table_iter_next (&iter, NULL, &guest))
    {
      g_autoptr (GError) error = NULL;

      if (!chan_sender_try_send (((Guest *) guest)->inbox, said, &error))
        g_debug ("%s missed something: %s", ((Guest *) guest)->name, error->message);
    }
}

static gboolean
guest_come_in (Guest *self, ChanMessage *message)
{
  g_autofree char *name = example_dup_string (message, "Name");
  GObject *inbox = chan_message_lookup_handle (message, "Inbox");
  g_autofree char *text = NULL;

  if (name == NULL || !CHAN_IS_SENDER (inbox))
    return FALSE;
  if (g_hash_table_contains (self->room, name))
    {
      g_autoptr (GError) taken = g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION, "%s is here already", name);

      chan_sender_abort (CHAN_SENDER (inbox), taken);
      return FALSE;
    }
  self->name = g_steal_pointer (&name);
  self->inbox = CHAN_SENDER (g_object_ref (inbox));
  g_hash_table_insert (self->room, self->name, self);
  text = g_strconcat (self->name, " comes in", NULL);
  tell_all (self->room, "room", text);
  return TRUE;
}

static void
guest_leave (gpointer data)
{
  Guest *self = data;

  if (self->name != NULL)
    {
      g_autofree char *text = g_strconcat (self->name, " leaves", NULL);

      g_hash_table_remove (self->room, self->name);
      chan_sender_close (self->inbox);
      tell_all (self->room, "room", text);
    }
  g_clear_object (&self->inbox);
  g_free (self->name);
  g_free (self);
}

static void
said_cb (ChanReceiver *voice, ChanMessage *message, const GError *error, gpointer data)
{
  Guest *self = data;
  g_autofree char *text = message != NULL ? example_dup_string (message, "Text") : NULL;

  /* At the end of the channel the handler goes, and the guest with it. */
  if (message == NULL)
    g_debug ("a guest is gone: %s", error != NULL ? error->message : "closed");
  else if (self->name == NULL && !guest_come_in (self, message))
    chan_receiver_close (voice);
  else if (text != NULL)
    tell_all (self->room, self->name, text);
}

static void
serve (ChanReceiver *voice, gpointer room)
{
  Guest *guest = g_new0 (Guest, 1);

  guest->room = room;
  chan_receiver_set_handler (voice, said_cb, guest, guest_leave);
}

int
main (int argc, char **argv)
{
  char **arguments = example_arguments (argc, argv, "URI|@NAME", "A chat room. Its first line of output is the URI at which it really listens.", 1);

  return example_serve (arguments[0], serve, g_hash_table_new (g_str_hash, g_str_equal));
}

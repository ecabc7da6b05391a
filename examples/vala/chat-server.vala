// SPDX-License-Identifier: LGPL-2.1-or-later
// A chat room. Who comes in sends {Name, Inbox}: a name, and a channel on which everything said is sent to them; then
// {Text} for each thing they say. Who leaves, or is cut off, is gone from the room. Prints its URI first.
using Chan;

HashTable<string, Sender> room;

// Who does not keep up misses things; the others do not wait for them.
void tell_all (string from, string text) {
    var said = new VariantDict ();
    said.insert ("From", "s", from);
    said.insert ("Text", "s", text);
    var message = new Message (said.end ());
    room.foreach ((name, inbox) => {
        try {
            inbox.try_send (message);
        } catch (GLib.Error error) {
            debug ("%s missed something: %s", name, error.message);
        }
    });
}

string? get_text (Message message, string key) {
    string? text = null;
    if (message.get_body ().is_of_type (VariantType.VARDICT))
        message.get_body ().lookup (key, "s", out text);
    return text;
}

async void listen_to (Receiver voice, string name) {
    try {
        Message? message;
        while ((message = yield voice.receive_async (Priority.DEFAULT, null)) != null) {
            var text = get_text (message, "Text");
            if (text != null)
                tell_all (name, text);
        }
    } catch (GLib.Error error) {
        debug ("%s is gone: %s", name, error.message);
    }
}

async void serve_guest (Receiver voice) throws GLib.Error {
    var message = yield voice.receive_async (Priority.DEFAULT, null);
    if (message == null)
        return;
    var name = get_text (message, "Name");
    var inbox = message.lookup_handle ("Inbox") as Sender;
    if (name == null || inbox == null)
        return;
    if (room.contains (name)) {
        inbox.abort (new ChannelError.PERMISSION ("%s is here already", name));
        return;
    }
    room.insert (name, inbox);
    tell_all ("room", @"$name comes in");
    yield listen_to (voice, name);
    room.remove (name);
    inbox.close ();
    tell_all ("room", @"$name leaves");
}

int main (string[] args) {
    room = new HashTable<string, Sender> (str_hash, str_equal);
    return Example.run_server (args, "URI|@NAME", 1, (receiver) => serve_guest.begin (receiver, (source, result) => {
        try {
            serve_guest.end (result);
        } catch (GLib.Error error) {
            debug ("a channel ended: %s", error.message);
        }
    }));
}

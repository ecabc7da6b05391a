// SPDX-License-Identifier: LGPL-2.1-or-later
// Goes into a chat room: says what it reads, prints what others say. Ends with its input, after what was said came back.
using Chan;

async void say_all (Sender voice, DataInputStream input) throws GLib.Error {
    string? line;
    while ((line = yield input.read_line_utf8_async (Priority.DEFAULT, null)) != null) {
        var said = new VariantDict ();
        said.insert ("Text", "s", line);
        yield voice.send_async (new Message (said.end ()), Priority.DEFAULT, null);
    }
}

async void hear_all (Receiver inbox) throws GLib.Error {
    Message? message;
    while ((message = yield inbox.receive_async (Priority.DEFAULT, null)) != null) {
        string from = "", text = "";
        var body = message.get_body ();
        if (!body.is_of_type (VariantType.VARDICT) || !body.lookup ("From", "s", out from) || !body.lookup ("Text", "s", out text))
            continue;
        print ("%s: %s\n", from, text);
        stdout.flush ();
    }
}

async void chat (string[] args) throws GLib.Error {
    Sender mailbox;
    Receiver inbox;

    var session = yield connect_async (args[0], Priority.DEFAULT, null);
    var voice = session.open_channel ("chat");
    pipe_new (64, out mailbox, out inbox);
    var me = new VariantDict ();
    me.insert ("Name", "s", args[1]);
    me.insert ("Inbox", "h", 0);
    yield voice.send_async (new Message.with_handles (me.end (), { mailbox }), Priority.DEFAULT, null);
    GLib.Error? problem = null;
    say_all.begin (voice, new DataInputStream (new UnixInputStream (0, false)), (source, result) => {
        try {
            say_all.end (result);
        } catch (Chan.ChannelError error) {
            // Why the room hears no more comes on the inbox too.
            debug ("not said: %s", error.message);
        } catch (GLib.Error error) {
            problem = error;
        }
        voice.close ();
    });
    yield hear_all (inbox);
    if (problem != null)
        throw problem;
    yield session.close_async (Priority.DEFAULT, null);
}

int main (string[] args) {
    return Example.run (args, "URI|@NAME YOUR-NAME", 2, (args, ready) => chat.begin (args, (owned) ready),
                        (result) => chat.end (result));
}

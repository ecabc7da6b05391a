// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers {"P": x, "R": sender} with {"P": x} on R, on every channel of every session. A message that is not like
// that is passed over, and so is one with another handle in x. Prints its URI first.
using Chan;

bool holds_handle (Variant value) {
    var type = value.get_type_string ();
    var holds = type.contains ("h");
    for (size_t i = 0; !holds && type.contains ("v") && i < value.n_children (); i++)
        holds = holds_handle (value.get_child_value (i));
    return holds;
}

async void answer (Message request) throws GLib.Error {
    var reply = request.lookup_handle ("R") as Sender;
    var body = request.get_body ();
    if (reply == null || !body.is_of_type (VariantType.VARDICT))
        return;
    var value = new VariantDict ();
    var payload = body.lookup_value ("P", null);
    if (payload != null && holds_handle (payload))
        return;
    value.insert_value ("P", payload ?? new Variant.maybe (VariantType.VARIANT, null));
    yield reply.send_async (new Message (value.end ()), Priority.DEFAULT, null);
    reply.close ();
}

async void serve_channel (Receiver requests) {
    try {
        Message? request;
        while ((request = yield requests.receive_async (Priority.DEFAULT, null)) != null) {
            try {
                yield answer (request);
            } catch (ChannelError error) {
                debug ("an answer was not taken: %s", error.message);
            }
        }
    } catch (GLib.Error error) {
        debug ("a channel ended: %s", error.message);
    }
}

async void serve_session (Session session) {
    try {
        Receiver? requests;
        while ((requests = yield session.accept_channel_async (Priority.DEFAULT, null)) != null)
            serve_channel.begin (requests);
    } catch (GLib.Error error) {
        debug ("a session ended: %s", error.message);
    }
}

async void serve (string uri) throws GLib.Error {
    var listener = yield listen_async (uri, Priority.DEFAULT, null);
    print ("%s\n", listener.get_uri ());
    stdout.flush ();
    Session? session;
    while ((session = yield listener.accept_async (Priority.DEFAULT, null)) != null)
        serve_session.begin (session);
}

int main (string[] args) {
    if (args.length != 2) {
        printerr ("usage: %s URI|@NAME\n", args[0]);
        return 2;
    }
    int status = 0;
    var loop = new MainLoop ();
    serve.begin (args[1], (source, result) => {
        try {
            serve.end (result);
        } catch (GLib.Error error) {
            printerr ("echo-server: %s\n", error.message);
            status = 1;
        }
        loop.quit ();
    });
    loop.run ();
    return status;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Both ends of a conversation in one process, over whatever transport the URI names (default memory:ping-pong): the
// program does not know which. Each ping carries its own return channel.
using Chan;

// Answers every ping on the channel that came with it.
async void answer_all (Receiver pings) throws GLib.Error {
    Message? ping;
    while ((ping = yield pings.receive_async (Priority.DEFAULT, null)) != null) {
        var reply = ping.lookup_handle ("Reply") as Sender;
        if (reply == null)
            continue;
        yield reply.send_async (new Message (new Variant.string ("pong")), Priority.DEFAULT, null);
        reply.close ();
    }
}

async void serve (Listener listener) {
    try {
        var session = yield listener.accept_async (Priority.DEFAULT, null);
        var pings = session != null ? yield session.accept_channel_async (Priority.DEFAULT, null) : null;
        if (pings != null)
            yield answer_all (pings);
    } catch (GLib.Error error) {
        printerr ("ping-pong: server: %s\n", error.message);
    }
}

async void play (string uri, int count) throws GLib.Error {
    var listener = yield listen_async (uri, Priority.DEFAULT, null);
    serve.begin (listener);
    // A name stays a name: its endpoint may say more than where. Port 0 and the like are only known to the listener.
    var session = yield connect_async (uri.has_prefix ("@") ? uri : listener.get_uri (), Priority.DEFAULT, null);
    var pings = session.open_channel ("pings");
    var begun = get_monotonic_time ();
    for (int i = 0; i < count; i++) {
        var ping = new VariantDict ();
        ping.insert ("Text", "s", "ping");
        yield pings.request_async (new Message (ping.end ()), "Reply", Priority.DEFAULT, null);
    }
    var each = (double) (get_monotonic_time () - begun) / int.max (count, 1);
    print ("%d rounds over %s, %.1f µs each\n", count, listener.get_uri (), each);
    yield session.close_async (Priority.DEFAULT, null);
    listener.close ();
}

async void run (string[] args) throws GLib.Error {
    var named = args.length > 1 && args[0] == "-n";
    var rest = named ? args[2:args.length] : args;
    yield play (rest.length > 0 ? rest[0] : "memory:ping-pong", named ? int.parse (args[1]) : 1000);
}

int main (string[] args) {
    return Example.run (args, "[-n COUNT] [URI|@NAME]", 0, (args, ready) => run.begin (args, (owned) ready),
                        (result) => run.end (result));
}

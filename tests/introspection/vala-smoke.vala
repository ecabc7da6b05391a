// SPDX-License-Identifier: LGPL-2.1-or-later
// The generated vapi: it compiles, and pipes, errors and async methods work.
using Chan;

int number = 0;
int failed = 0;

void report (bool ok, string name) {
    number++;
    if (!ok)
        failed++;
    print ("%s %d %s\n", ok ? "ok" : "not ok", number, name);
}

void round_trip () throws GLib.Error {
    Sender sender;
    Receiver receiver;
    pipe_new (4, out sender, out receiver);
    sender.send (new Message (new Variant.string ("text")));
    sender.close ();
    var message = receiver.receive ();
    report (message != null && message.get_body ().get_string () == "text", "round trip");
    report (receiver.receive () == null, "close is null");
}

void closed () throws GLib.Error {
    Sender sender;
    Receiver receiver;
    pipe_new (1, out sender, out receiver);
    receiver.close ();
    try {
        sender.send (new Message (new Variant.string ("late")));
        report (false, "send to a closed channel");
    } catch (ChannelError.CLOSED error) {
        report (true, "send to a closed channel");
    }
}

async void asynchronous () throws GLib.Error {
    Sender sender;
    Receiver receiver;
    pipe_new (1, out sender, out receiver);
    yield sender.send_async (new Message (new Variant.int32 (7)), Priority.DEFAULT, null);
    var message = yield receiver.receive_async (Priority.DEFAULT, null);
    report (message != null && message.get_body ().get_int32 () == 7, "async");
}

void enumerations () throws GLib.Error {
    var listener = Chan.listen ("memory:vala-smoke");
    var session = Chan.connect ("memory:vala-smoke");
    report (session.state == SessionState.OPEN && typeof (SessionState).name () == "ChanSessionState", "enumerations");
    session.abort ();
    listener.close ();
}

int main () {
    print ("1..5\n");
    try {
        enumerations ();
        round_trip ();
        closed ();
        var loop = new MainLoop ();
        asynchronous.begin ((source, result) => {
            try {
                asynchronous.end (result);
            } catch (GLib.Error error) {
                report (false, error.message);
            }
            loop.quit ();
        });
        loop.run ();
    } catch (GLib.Error error) {
        report (false, error.message);
    }
    return failed == 0 ? 0 : 1;
}

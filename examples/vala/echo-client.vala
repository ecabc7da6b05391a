// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends each argument to an echo server, and prints what comes back.
using Chan;

async void ask (string uri, string[] texts) throws GLib.Error {
    var session = yield connect_async (uri, Priority.DEFAULT, null);
    var requests = session.open_channel ("echo");
    foreach (var text in texts) {
        var value = new VariantDict ();
        value.insert ("P", "s", text);
        var answer = yield requests.request_async (new Message (value.end ()), "R", Priority.DEFAULT, null);
        stdout.puts (answer.get_body ().lookup_value ("P", VariantType.STRING).get_string () + "\n");
    }
    requests.close ();
    yield session.close_async (Priority.DEFAULT, null);
}

int main (string[] args) {
    if (args.length < 2) {
        printerr ("usage: %s URI|@NAME [TEXT…]\n", args[0]);
        return 2;
    }
    Intl.setlocale ();
    if (!Example.check_utf8 (args))
        return 2;
    int status = 0;
    var loop = new MainLoop ();
    ask.begin (args[1], args[2:args.length], (source, result) => {
        try {
            ask.end (result);
        } catch (GLib.Error error) {
            printerr ("echo-client: %s\n", error.message);
            status = 1;
        }
        loop.quit ();
    });
    loop.run ();
    return status;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// The installed vapi: a round trip over each address given.

int main (string[] args) {
    foreach (var address in args[1:args.length]) {
        try {
            var listener = Chan.listen (address, null);
            var client = Chan.connect (listener.get_uri (), null);
            var server = listener.accept (null);
            var sender = client.open_channel ("greetings");
            sender.send (new Chan.Message (new Variant.string ("hello")));
            var body = server.accept_channel (null).receive ().get_body ();
            print ("%s: %s\n", address, body.get_string ());
        } catch (Error error) {
            printerr ("%s: %s\n", address, error.message);
            return 1;
        }
    }
    return 0;
}

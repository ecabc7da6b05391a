// SPDX-License-Identifier: LGPL-2.1-or-later
// What several programs here have in common: arguments, a main loop, an exit status.
namespace Example {
    public delegate void Serve (Chan.Receiver channel);

    // The two halves of an async method with the arguments: Vala has no delegates for such.
    public delegate void Begin (string[] args, owned AsyncReadyCallback ready);
    public delegate void End (AsyncResult result) throws GLib.Error;

    // Text in a message is in UTF-8. false: it said which word is not
    public bool check_utf8 (string[] words) {
        foreach (var word in words)
            if (!word.validate ()) {
                printerr ("%s: “%s” is not in UTF-8\n", Path.get_basename (words[0]).replace ("vala-", ""), word.make_valid ());
                return false;
            }
        return true;
    }

    // Runs an async method until it ends, or SIGTERM or SIGINT comes. Returns an exit status.
    // usage has a word for each argument, … for any number of them.
    public int run (string[] args, string usage, int n_needed, Begin begin, End end) {
        var too_many = !usage.contains ("…") && args.length - 1 > usage.split (" ").length;
        if (args.length <= n_needed || too_many) {
            printerr ("usage: %s %s\n", args[0], usage);
            return 2;
        }
        Intl.setlocale ();
        if (!check_utf8 (args))
            return 2;
        int status = 0;
        var loop = new MainLoop ();
        foreach (var number in new int[] { Posix.Signal.TERM, Posix.Signal.INT })
            Unix.signal_add (number, () => {
                loop.quit ();
                return Source.CONTINUE;
            });
        begin (args[1:args.length], (source, result) => {
            try {
                end (result);
            } catch (GLib.Error error) {
                printerr ("%s: %s\n", Path.get_basename (args[0]).replace ("vala-", ""), error.message);
                status = error.matches (Chan.ChannelError.quark (), Chan.ChannelError.BAD_CONFIG) ? 78 : 1;
            }
            loop.quit ();
        });
        loop.run ();
        return status;
    }

    // Listens at the first argument, prints where, and calls serve for each channel that a client opens.
    public int run_server (string[] args, string usage, int n_needed, Serve serve) {
        var server = new Server (serve);
        return run (args, usage, n_needed, (args, ready) => server.listen.begin (args, (owned) ready),
                    (result) => server.listen.end (result));
    }

    class Server {
        unowned Serve serve;

        public Server (Serve serve) {
            this.serve = serve;
        }

        public async void listen (string[] args) throws GLib.Error {
            var listener = yield Chan.listen_async (args[0], Priority.DEFAULT, null);
            print ("%s\n", listener.get_uri ());
            stdout.flush ();
            Chan.Session? session;
            while ((session = yield listener.accept_async (Priority.DEFAULT, null)) != null)
                serve_session.begin (session);
        }

        async void serve_session (Chan.Session session) {
            try {
                Chan.Receiver? channel;
                while ((channel = yield session.accept_channel_async (Priority.DEFAULT, null)) != null)
                    serve (channel);
            } catch (GLib.Error error) {
                debug ("a session ended: %s", error.message);
            }
        }
    }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the commands that clients send: {Cmd, Args, Stdin, Stdout, Stderr, StatusChan}, and answers {Status} on
// StatusChan when all output was given away. Prints its URI first.
using Chan;

class Command {
    Message request;
    int n_running = 0;
    SourceFunc? when_done = null;

    public Command (Message request) {
        this.request = request;
    }

    string[]? read_arguments () {
        var body = request.get_body ();
        string command = "";
        if (!body.is_of_type (VariantType.VARDICT) || !body.lookup ("Cmd", "s", out command))
            return null;
        string[] arguments = { command };
        var args = body.lookup_value ("Args", null);
        for (size_t i = 0; args != null && args.is_container () && i < args.n_children (); i++) {
            var item = args.get_child_value (i);
            if (item.is_of_type (VariantType.VARIANT))
                item = item.get_variant ();
            if (!item.is_of_type (VariantType.STRING))
                return null;
            arguments += item.get_string ();
        }
        return arguments;
    }

    IOStream? stream (string key) {
        return request.lookup_handle (key) as IOStream;
    }

    async void copy (OutputStream to, InputStream from, Cancellable? cancellable) {
        n_running++;
        try {
            yield to.splice_async (from, OutputStreamSpliceFlags.CLOSE_SOURCE | OutputStreamSpliceFlags.CLOSE_TARGET,
                                   Priority.DEFAULT, cancellable);
        } catch (GLib.Error error) {
            debug ("a stream was cut: %s", error.message);
        }
        if (--n_running == 0 && when_done != null)
            when_done ();
    }

    Subprocess spawn (string[] arguments) throws GLib.Error {
        SubprocessFlags flags = 0;
        flags |= stream ("Stdin") != null ? SubprocessFlags.STDIN_PIPE : SubprocessFlags.NONE;
        flags |= stream ("Stdout") != null ? SubprocessFlags.STDOUT_PIPE : SubprocessFlags.STDOUT_SILENCE;
        flags |= stream ("Stderr") != null ? SubprocessFlags.STDERR_PIPE : SubprocessFlags.STDERR_SILENCE;
        return new Subprocess.newv (arguments, flags);
    }

    async int execute (string[] arguments) throws GLib.Error {
        var process = spawn (arguments);
        var status_chan = request.lookup_handle ("StatusChan") as Sender;
        var input_over = new Cancellable ();
        ulong gone = 0;
        if (status_chan != null)
            gone = status_chan.peer_closed.connect (() => process.send_signal (Posix.Signal.HUP));
        if (stream ("Stdout") != null)
            copy.begin (stream ("Stdout").output_stream, process.get_stdout_pipe (), null);
        if (stream ("Stderr") != null)
            copy.begin (stream ("Stderr").output_stream, process.get_stderr_pipe (), null);
        if (stream ("Stdin") != null)
            copy.begin (process.get_stdin_pipe (), stream ("Stdin").input_stream, input_over);
        yield process.wait_async ();
        // Nobody is left to read what the client may still type.
        input_over.cancel ();
        if (n_running > 0) {
            when_done = execute.callback;
            yield;
        }
        if (gone != 0)
            status_chan.disconnect (gone);
        return process.get_if_exited () ? process.get_exit_status () : 128 + process.get_term_sig ();
    }

    // What a shell would say: 127 if it is not there, 126 if it cannot be run.
    async int explain (GLib.Error error) {
        string text = "rexec-server: %s\n".printf (error.message);
        try {
            if (stream ("Stdout") != null)
                yield stream ("Stdout").close_async ();
            if (stream ("Stderr") != null) {
                size_t written;
                yield stream ("Stderr").output_stream.write_all_async (text.data, Priority.DEFAULT, null, out written);
                yield stream ("Stderr").output_stream.close_async ();
            }
        } catch (GLib.Error lost) {
            debug ("the client does not listen: %s", lost.message);
        }
        return (error is SpawnError.NOENT) ? 127 : 126;
    }

    public async void run () {
        var status_chan = request.lookup_handle ("StatusChan") as Sender;
        var arguments = read_arguments ();
        int status;
        if (arguments == null)
            return;
        try {
            status = yield execute (arguments);
        } catch (GLib.Error error) {
            status = yield explain (error);
        }
        if (status_chan == null)
            return;
        var answer = new VariantDict ();
        answer.insert ("Status", "i", status);
        try {
            yield status_chan.send_async (new Message (answer.end ()), Priority.DEFAULT, null);
        } catch (GLib.Error error) {
            debug ("a status was not sent: %s", error.message);
        }
        status_chan.close ();
    }
}

async void serve_channel (Receiver requests) {
    try {
        Message? request;
        while ((request = yield requests.receive_async (Priority.DEFAULT, null)) != null)
            new Command (request).run.begin ();
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
    Posix.signal (Posix.Signal.PIPE, Posix.SIG_IGN);
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
            printerr ("rexec-server: %s\n", error.message);
            status = 1;
        }
        loop.quit ();
    });
    loop.run ();
    return status;
}

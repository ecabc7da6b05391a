// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs a command where a rexec-server listens, as if it were here: its input, output and exit status are this
// program's. The server may be in any language, or libchan's original one.
using Chan;

class Client {
    const string[] KEYS = { "Stdin", "Stdout", "Stderr" };

    int n_outputs = 0;
    SourceFunc? when_written = null;

    async void feed (IOStream here) {
        try {
            yield here.output_stream.splice_async (new UnixInputStream (Posix.STDIN_FILENO, false),
                                                   OutputStreamSpliceFlags.CLOSE_TARGET, Priority.DEFAULT, null);
        } catch (GLib.Error error) {
            debug ("the input was not read to its end: %s", error.message);
        }
    }

    async void print_output (IOStream here, int fd) {
        n_outputs++;
        try {
            yield new UnixOutputStream (fd, false).splice_async (here.input_stream, OutputStreamSpliceFlags.CLOSE_SOURCE,
                                                                 Priority.DEFAULT, null);
        } catch (GLib.Error error) {
            printerr ("rexec: output was cut: %s\n", error.message);
        }
        if (--n_outputs == 0 && when_written != null)
            when_written ();
    }

    Message new_request (string[] command, GLib.Object[] handles) {
        var body = new VariantDict ();
        body.insert ("Cmd", "s", command[0]);
        body.insert_value ("Args", new Variant.strv (command[1:command.length]));
        for (int i = 0; i < KEYS.length; i++)
            body.insert (KEYS[i], "h", i);
        body.insert ("StatusChan", "h", KEYS.length);
        return new Message.with_handles (body.end (), handles);
    }

    int read_status (Message message) {
        var value = message.get_body ().lookup_value ("Status", null);
        if (value != null && value.is_of_type (VariantType.INT32))
            return value.get_int32 ();
        return value != null && value.is_of_type (VariantType.INT64) ? (int) value.get_int64 () : -1;
    }

    public async int run (string uri, string[] command) throws GLib.Error {
        Sender status_chan;
        Receiver statuses;
        IOStream[] here = new IOStream[3], there = new IOStream[3];

        var session = yield connect_async (uri, Priority.DEFAULT, null);
        var requests = session.open_channel ("rexec");
        pipe_new (1, out status_chan, out statuses);
        for (int i = 0; i < 3; i++)
            byte_pipe_new (out here[i], out there[i]);
        GLib.Object[] handles = { there[0].input_stream, there[1].output_stream, there[2].output_stream, status_chan };
        yield requests.send_async (new_request (command, handles), Priority.DEFAULT, null);
        feed.begin (here[0]);
        print_output.begin (here[1], Posix.STDOUT_FILENO);
        print_output.begin (here[2], Posix.STDERR_FILENO);

        var status = yield statuses.receive_async (Priority.DEFAULT, null);
        if (n_outputs > 0) {
            when_written = run.callback;
            yield;
        }
        return status != null ? read_status (status) : -1;
    }
}

int main (string[] args) {
    Posix.signal (Posix.Signal.PIPE, Posix.SIG_IGN);
    if (args.length < 3) {
        printerr ("usage: %s URI|@NAME CMD [ARG…]\n", args[0]);
        return 240;
    }
    Intl.setlocale ();
    if (!Example.check_utf8 (args))
        return 240;
    int status = -1;
    var client = new Client ();
    var loop = new MainLoop ();
    client.run.begin (args[1], args[2:args.length], (source, result) => {
        try {
            status = client.run.end (result);
        } catch (GLib.Error error) {
            printerr ("rexec: %s\n", error.message);
        }
        loop.quit ();
    });
    loop.run ();
    return status >= 0 ? status & 0xff : 249;
}

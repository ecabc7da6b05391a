// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends files, each as a stream inside a message, and shows how far the other side is.
using Chan;

const int WIDTH = 40;

void show (string name, int64 received, int64 size) {
    double part = size > 0 ? ((double) received / (double) size).clamp (0, 1) : 1;
    int done = (int) (part * WIDTH + 0.5);
    print ("%s [%s%s] %d %%\n", name, string.nfill (done, '#'), string.nfill (WIDTH - done, ' '), (int) (part * 100 + 0.5));
}

// The content is not read here: the library reads it as fast as it is taken.
async void send_file (Sender files, string path) throws GLib.Error {
    Sender progress;
    Receiver progresses;

    var file = File.new_for_commandline_arg (path);
    var content = yield file.read_async (Priority.DEFAULT, null);
    var info = yield content.query_info_async (FileAttribute.STANDARD_SIZE, Priority.DEFAULT, null);
    var name = file.get_basename ();
    pipe_new (4, out progress, out progresses);
    var request = new VariantDict ();
    request.insert ("Name", "s", name);
    request.insert ("Size", "x", info.get_size ());
    request.insert ("Content", "h", 0);
    request.insert ("Progress", "h", 1);
    yield files.send_async (new Message.with_handles (request.end (), { content, progress }), Priority.DEFAULT, null);

    Message? message;
    while ((message = yield progresses.receive_async (Priority.DEFAULT, null)) != null) {
        int64 received = 0;
        var body = message.get_body ();
        if (body.is_of_type (VariantType.VARDICT) && body.lookup ("Received", "x", out received))
            show (name, received, info.get_size ());
        else
            print ("%s has arrived\n", name);
    }
}

async void send_files (string[] args) throws GLib.Error {
    var session = yield connect_async (args[0], Priority.DEFAULT, null);
    var files = session.open_channel ("files");
    foreach (var path in args[1:args.length])
        yield send_file (files, path);
    files.close ();
    yield session.close_async (Priority.DEFAULT, null);
}

int main (string[] args) {
    return Example.run (args, "URI|@NAME FILE…", 2, (args, ready) => send_files.begin (args, (owned) ready),
                        (result) => send_files.end (result));
}

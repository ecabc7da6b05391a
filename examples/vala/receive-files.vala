// SPDX-License-Identifier: LGPL-2.1-or-later
// Takes files: {Name, Size, Content, Progress}. The content is a stream that is read here as fast as the disk takes it;
// how much has arrived is told on Progress, and at the end {Done: true}. Prints its URI first.
using Chan;

const size_t CHUNK = 256 * 1024;

File directory;

async void tell (Sender progress, string key, Variant value) throws GLib.Error {
    var said = new VariantDict ();
    said.insert_value (key, value);
    yield progress.send_async (new Message (said.end ()), Priority.DEFAULT, null);
}

async int64 store (File file, IOStream content, Sender progress) throws GLib.Error {
    int64 received = 0;
    var output = yield file.create_async (FileCreateFlags.PRIVATE, Priority.DEFAULT, null);
    for (;;) {
        var bytes = yield content.get_input_stream ().read_bytes_async (CHUNK, Priority.DEFAULT, null);
        if (bytes.length == 0)
            break;
        size_t written;
        yield output.write_all_async (bytes.get_data (), Priority.DEFAULT, null, out written);
        received += (int64) written;
        yield tell (progress, "Received", new Variant.int64 (received));
    }
    yield output.close_async (Priority.DEFAULT, null);
    return received;
}

async void receive (string name, int64 size, IOStream content, Sender progress) {
    try {
        // A name is no path: nothing outside the directory can be meant.
        if (name == "" || name.contains ("/") || name == "." || name == "..")
            throw new ChannelError.FAILED ("“%s” is not the name of a file", name);
        var received = yield store (directory.get_child (name), content, progress);
        if (received != size)
            throw new ChannelError.FAILED ("%s bytes were announced, %s came", size.to_string (), received.to_string ());
        yield tell (progress, "Done", new Variant.boolean (true));
        progress.close ();
    } catch (GLib.Error error) {
        debug ("%s", error.message);
        progress.abort (error);
    }
}

async void serve (Receiver files) {
    try {
        Message? message;
        while ((message = yield files.receive_async (Priority.DEFAULT, null)) != null) {
            string name = "";
            int64 size = 0;
            var body = message.get_body ();
            var content = message.lookup_handle ("Content") as IOStream;
            var progress = message.lookup_handle ("Progress") as Sender;
            // What is no request is passed over, and its channels end with it.
            if (body.is_of_type (VariantType.VARDICT) && content != null && progress != null
                && body.lookup ("Name", "s", out name) && body.lookup ("Size", "x", out size))
                receive.begin (name, size, content, progress);
        }
    } catch (GLib.Error error) {
        debug ("a channel ended: %s", error.message);
    }
}

int main (string[] args) {
    directory = File.new_for_commandline_arg (args.length > 2 ? args[2] : ".");
    return Example.run_server (args, "URI|@NAME DIRECTORY", 2, (files) => serve.begin (files));
}

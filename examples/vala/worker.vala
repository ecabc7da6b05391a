// SPDX-License-Identifier: LGPL-2.1-or-later
// A worker of a pool (pool.vala): it registers itself with the channel on which it takes jobs, and answers
// each on the channel that came with it, which leads to whoever asked. Ends when the pool does.
using Chan;

async void work (string uri, string name) throws GLib.Error {
    Sender jobs_for_me;
    Receiver jobs;

    var session = yield connect_async (uri, Priority.DEFAULT, null);
    var pool = session.open_channel ("workers");
    // Without a queue: a job that waits here could be done by another worker.
    pipe_new (0, out jobs_for_me, out jobs);
    var me = new VariantDict ();
    me.insert ("Name", "s", name);
    me.insert ("Jobs", "h", 0);
    yield pool.send_async (new Message.with_handles (me.end (), { jobs_for_me }), Priority.DEFAULT, null);

    Message? job;
    while ((job = yield jobs.receive_async (Priority.DEFAULT, null)) != null) {
        var reply = job.lookup_handle ("Reply") as Sender;
        int64 number = 0;
        if (reply == null || !job.get_body ().lookup ("Number", "x", out number))
            continue;
        var answer = new VariantDict ();
        answer.insert ("Number", "x", number);
        answer.insert ("Square", "x", number * number);
        answer.insert ("Worker", "s", name);
        try {
            yield reply.send_async (new Message (answer.end ()), Priority.DEFAULT, null);
            reply.close ();
        } catch (ChannelError error) {
            debug ("nobody waits for %s any more", number.to_string ());
        }
    }
}

int main (string[] args) {
    if (args.length != 3) {
        printerr ("usage: %s URI|@NAME WORKER-NAME\n", args[0]);
        return 2;
    }
    Intl.setlocale ();
    if (!Example.check_utf8 (args))
        return 2;
    int status = 0;
    var loop = new MainLoop ();
    work.begin (args[1], args[2], (source, result) => {
        try {
            work.end (result);
        } catch (GLib.Error error) {
            printerr ("worker: %s\n", error.message);
            status = 1;
        }
        loop.quit ();
    });
    loop.run ();
    return status;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// A pool of workers. A worker registers itself on a channel `workers`, with {Name, Jobs}: the channel on which it takes
// jobs. A job comes on any channel `jobs`, and goes, with all that is in it, to one of the workers; the channel for
// its answer leads from there to whoever asked, not through here. Prints its URI first.
using Chan;

class Pool {
    Sender queue;
    Receiver queued;
    Sender registry;
    Receiver registered;
    GenericArray<Sender> workers = new GenericArray<Sender> ();

    public Pool () {
        pipe_new (16, out queue, out queued);
        pipe_new (16, out registry, out registered);
    }

    async void forward (Receiver channel, Sender to) {
        try {
            Message? message;
            while ((message = yield channel.receive_async (Priority.DEFAULT, null)) != null)
                yield to.send_async (message, Priority.DEFAULT, null);
        } catch (GLib.Error error) {
            debug ("a channel ended: %s", error.message);
        }
    }

    public void serve (Receiver channel) {
        forward.begin (channel, channel.get_name () == "workers" ? registry : queue);
    }

    // Waits until a worker takes the job or a new worker comes; workers that are gone are forgotten.
    async void dispatch (Message job) throws GLib.Error {
        for (;;) {
            var selector = new Selector ();
            selector.add_receiver (registered);
            foreach (var worker in workers)
                selector.add_sender (worker, job);
            int index = yield selector.wait_async (Priority.DEFAULT, null);
            try {
                var message = selector.steal_message ();
                if (index > 0) {
                    // A new selector begins with its first case: who had the last job is asked last.
                    workers.add (workers.steal_index (index - 1));
                    return;
                }
                var jobs = message.lookup_handle ("Jobs") as Sender;
                if (jobs != null)
                    workers.add (jobs);
            } catch (GLib.Error error) {
                debug ("a worker is gone: %s", error.message);
                workers.remove_index (index - 1);
                // One that was out already cannot be called back, and may have been done: whoever asked hears how it
                // ended from the channel for the answer, which went with it.
                if (job.lookup_handle ("Reply") == null)
                    return;
            }
        }
    }

    public async void dispatch_all () {
        try {
            Message? job;
            while ((job = yield queued.receive_async (Priority.DEFAULT, null)) != null)
                yield dispatch (job);
        } catch (GLib.Error failure) {
            error ("the pool ended: %s", failure.message);
        }
    }
}

int main (string[] args) {
    var pool = new Pool ();
    pool.dispatch_all.begin ();
    return Example.run_server (args, "URI|@NAME", 1, pool.serve);
}

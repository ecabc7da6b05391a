// SPDX-License-Identifier: LGPL-2.1-or-later
// Gives a pool the numbers from 1 to N as jobs, all at once, and prints each square, and who computed it.
using Chan;

const int TIMEOUT_S = 30;

class Question {
    Sender jobs;
    Cancellable cancellable = new Cancellable ();
    Message?[] answers;
    int n_waiting;
    GLib.Error? failure = null;
    SourceFunc when_done;

    public Question (Sender jobs, int count) {
        this.jobs = jobs;
        answers = new Message?[count];
    }

    async void ask_one (int i) {
        var job = new VariantDict ();
        job.insert ("Number", "x", (int64) i + 1);
        try {
            // The request puts the channel for the answer into the message.
            answers[i] = yield jobs.request_async (new Message (job.end ()), "Reply", Priority.DEFAULT, cancellable);
        } catch (GLib.Error error) {
            if (failure == null)
                failure = error;
            cancellable.cancel ();
        }
        if (--n_waiting == 0)
            Idle.add ((owned) when_done);
    }

    public async void ask () throws GLib.Error {
        when_done = ask.callback;
        n_waiting = answers.length;
        var timer = Timeout.add_seconds (TIMEOUT_S, () => {
            cancellable.cancel ();
            return Source.CONTINUE;
        });
        for (int i = 0; i < answers.length; i++)
            ask_one.begin (i);
        yield;
        Source.remove (timer);
        if (failure != null)
            throw failure;
    }

    public void show () {
        foreach (unowned var answer in answers) {
            int64 number = 0, square = 0;
            string worker = "?";
            var body = answer.get_body ();
            if (body.is_of_type (VariantType.VARDICT) && body.lookup ("Number", "x", out number)
                && body.lookup ("Square", "x", out square) && body.lookup ("Worker", "s", out worker))
                print ("%s %s %s\n", number.to_string (), square.to_string (), worker);
        }
    }
}

async void ask_pool (string[] args) throws GLib.Error {
    int count;
    if (!int.try_parse (args[1], out count) || count < 1 || count > 100000)
        throw new OptionError.BAD_VALUE ("“%s” is not a number from 1 to 100000", args[1]);
    var session = yield connect_async (args[0], Priority.DEFAULT, null);
    var jobs = session.open_channel ("jobs");
    var question = new Question (jobs, count);
    yield question.ask ();
    question.show ();
    jobs.close ();
    yield session.close_async (Priority.DEFAULT, null);
}

int main (string[] args) {
    return Example.run (args, "URI|@NAME N", 2, (args, ready) => ask_pool.begin (args, (owned) ready),
                        (result) => ask_pool.end (result));
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// The typelib from JavaScript, without overrides: pipes, errors, asynchronous calls.
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';
import Chan from 'gi://Chan?version=1';
import System from 'system';

const TIMEOUT_MS = 20000;

// Bodies come from JSON: this GJS leaks every GVariant that JavaScript makes.
const message = value => Chan.Message.new_from_json(JSON.stringify(value), []);
const value = received => JSON.parse(received.to_json());

function carry(handle) {
    const [sender, receiver] = Chan.pipe_new(1);
    sender.send(Chan.Message.new_from_json('{"$handle": 0}', [handle]), null);
    return receiver.receive(null).steal_handle(0);
}

function assert(condition, text) {
    if (!condition)
        throw new Error(text);
}

function assertEqual(actual, expected) {
    const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
    assert(a === e, `expected ${e}, got ${a}`);
}

function assertThrows(domain, code, func) {
    try {
        func();
    } catch (error) {
        assert(error.matches?.(domain, code), `another error: ${error}`);
        return;
    }
    throw new Error('no error');
}

// Runs a main loop until the promise is settled.
function wait(promise) {
    const loop = new GLib.MainLoop(null, false);
    let outcome = {error: new Error('timed out')};
    const timer = GLib.timeout_add(GLib.PRIORITY_DEFAULT, TIMEOUT_MS, () => {
        loop.quit();
        return GLib.SOURCE_CONTINUE;
    });
    promise.then(result => (outcome = {result}), error => (outcome = {error})).finally(() => loop.quit());
    loop.run();
    GLib.source_remove(timer);
    if (outcome.error)
        throw outcome.error;
    return outcome.result;
}

const tests = {
    roundTrip() {
        const [sender, receiver] = Chan.pipe_new(4);
        assert(sender instanceof Chan.Sender && receiver instanceof Chan.Receiver, 'not a pair of ends');
        assertEqual(sender.get_capacity(), 4);
        assert(sender.send(message({Cmd: 'ls', Args: [1, 'two', true]}), null), 'send returned false');
        assertEqual(value(receiver.receive(null)), {Cmd: 'ls', Args: [1, 'two', true]});
    },

    orderAndClose() {
        const [sender, receiver] = Chan.pipe_new(8);
        for (let i = 0; i < 8; i++)
            sender.send(message([i]), null);
        sender.close();
        for (let i = 0; i < 8; i++)
            assertEqual(value(receiver.receive(null)), [i]);
        assert(receiver.receive(null) === null, 'a message after the last');
    },

    handleMoves() {
        const [sender, receiver] = Chan.pipe_new(1);
        const [answerSender, answerReceiver] = Chan.pipe_new(1);
        sender.send(Chan.Message.new_from_json('{"Reply": {"$handle": 0}}', [answerSender]), null);
        receiver.receive(null).steal_handle(0).send(message(['answer']), null);
        assertEqual(value(answerReceiver.receive(null)), ['answer']);
    },

    fullWouldBlock() {
        const [sender, receiver] = Chan.pipe_new(1);
        assert(sender.try_send(message([1])), 'the first did not fit');
        assertThrows(Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK, () => sender.try_send(message([2])));
        assertEqual(value(receiver.receive(null)), [1]);
    },

    tryReceive() {
        const [sender, receiver] = Chan.pipe_new(1);
        assertEqual(receiver.try_receive(), [Chan.Take.EMPTY, null]);
        sender.send(message([1]), null);
        const [take, received] = receiver.try_receive();
        assertEqual([take, value(received)], [Chan.Take.MESSAGE, [1]]);
    },

    sendToClosed() {
        const [sender, receiver] = Chan.pipe_new(1);
        receiver.close();
        assertThrows(Chan.ChannelError, Chan.ChannelError.CLOSED, () => sender.send(message([1]), null));
    },

    unknownScheme() {
        assertThrows(Chan.ChannelError, Chan.ChannelError.NO_TRANSPORT,
            () => Chan.connect('nosuchscheme://nowhere', null));
    },

    fileDescriptor() {
        const [number, path] = GLib.file_open_tmp('chan-smoke-XXXXXX');
        const fd = Chan.Fd.new(number);
        const moved = carry(fd);
        assert(moved instanceof Chan.Fd && moved.get() >= 0, 'no file descriptor');
        assertEqual(fd.get(), -1);
        assertThrows(Chan.ChannelError, Chan.ChannelError.MOVED, () => fd.dup());
        GLib.close(moved.dup());
        GLib.close(moved.steal());
        assertEqual(moved.get(), -1);
        GLib.unlink(path);
    },

    streams() {
        const memory = Gio.MemoryInputStream.new_from_bytes(new TextEncoder().encode('from memory'));
        const moved = carry(memory);
        const input = moved.get_input_stream();
        assertEqual(new TextDecoder().decode(input.read_bytes(100, null).get_data()), 'from memory');
        assertEqual(input.read_bytes(100, null).get_size(), 0);
    },

    asynchronous() {
        Gio._promisify(Chan.Receiver.prototype, 'receive_async', 'receive_finish');
        Gio._promisify(Chan.Sender.prototype, 'send_async', 'send_finish');
        const [sender, receiver] = Chan.pipe_new(1);
        wait(sender.send_async(message(['first']), GLib.PRIORITY_DEFAULT, null));
        assertEqual(value(wait(receiver.receive_async(GLib.PRIORITY_DEFAULT, null))), ['first']);
        const pending = receiver.receive_async(GLib.PRIORITY_DEFAULT, null);
        wait(sender.send_async(message(['second']), GLib.PRIORITY_DEFAULT, null));
        assertEqual(value(wait(pending)), ['second']);
    },

    asynchronousCancelled() {
        const [, receiver] = Chan.pipe_new(1);
        const cancellable = new Gio.Cancellable();
        const pending = receiver.receive_async(GLib.PRIORITY_DEFAULT, cancellable);
        cancellable.cancel();
        assertThrows(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED, () => wait(pending));
    },
};

let failed = 0;
print(`1..${Object.keys(tests).length}`);
Object.entries(tests).forEach(([name, test], index) => {
    try {
        test();
        print(`ok ${index + 1} ${name}`);
    } catch (error) {
        failed++;
        print(`not ok ${index + 1} ${name}`);
        print(`# ${error}\n${error.stack ?? ''}`.trim().replaceAll('\n', '\n# '));
    }
});
System.exit(failed ? 1 : 0);

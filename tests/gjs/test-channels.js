// SPDX-License-Identifier: LGPL-2.1-or-later
// Channels, promises, iteration, select, request, sessions; what is cancelled loses nothing.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Chan from 'gi://Chan?version=1';
import {TIMEOUT, TRANSPORTS, assert, assertEqual, assertRejects, assertThrows, channel, run, sessions, sleep} from './tap.js';

const limit = {timeout: TIMEOUT};
const CANCELLED = [Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED];
const TIMED_OUT = [Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT];
const ROUNDS = Number(GLib.getenv('CHAN_TEST_RUNS') ?? 1);

async function answer(requests) {
    for await (const request of requests) {
        const {Number: number, Reply} = request.unpack();
        await Reply.send_async({Square: number * number});
        Reply.close();
    }
}

async function produce(sender, count) {
    for (let i = 0; i < count; i++)
        await sender.send_async(i);
    sender.close();
}

// Cancels operations at random moments, until the channel has ended; what came is in order and complete.
async function consumeCancelling(receiver, count) {
    let expected = 0;
    let cancelled = 0;
    for (let round = 0; expected <= count; round++) {
        const cancellable = new Gio.Cancellable();
        if (round % 3 !== 0)
            GLib.timeout_add(GLib.PRIORITY_DEFAULT, round % 2, () => cancellable.cancel() ?? GLib.SOURCE_REMOVE);
        if (round % 7 === 1)
            cancellable.cancel();
        try {
            const message = await receiver.receive_async({cancellable});
            if (message === null)
                break;
            assertEqual(message.unpack(), expected++);
        } catch (error) {
            assert(error.matches?.(...CANCELLED), `${error}`);
            cancelled++;
        }
    }
    assertEqual(expected, count);
    return cancelled;
}

// Sends each number until it was accepted once, cancelling at random.
async function produceCancelling(sender, count) {
    for (let i = 0; i < count;) {
        const cancellable = new Gio.Cancellable();
        GLib.timeout_add(GLib.PRIORITY_DEFAULT, i % 2, () => cancellable.cancel() ?? GLib.SOURCE_REMOVE);
        try {
            await sender.send_async(i, {cancellable});
            i++;
        } catch (error) {
            assert(error.matches?.(...CANCELLED), `${error}`);
        }
    }
    sender.close();
}

const tests = {
    blocking() {
        const [sender, receiver] = Chan.pipe_new(2);
        sender.send({a: 1});
        sender.send([2], null);
        assertThrows(Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK, () => sender.try_send(3));
        assertThrows(...TIMED_OUT, () => sender.send(3, {timeout: 0.01}));
        sender.close();
        assertEqual([...receiver].map(message => message.unpack()), [{a: 1}, [2]]);
        assertEqual(receiver.receive(), null);
        assertEqual(receiver.receive({timeout: 1}), null);
        assertEqual(receiver.try_receive(), [Chan.Take.CLOSED, null]);
    },

    blockingTimeout() {
        const [, receiver] = Chan.pipe_new(1);
        assertThrows(...TIMED_OUT, () => receiver.receive({timeout: 0.01}));
        assertThrows(...TIMED_OUT, () => receiver.receive({timeout: 0}));
        const cancellable = new Gio.Cancellable();
        cancellable.cancel();
        assertThrows(...CANCELLED, () => receiver.receive(cancellable));
        assertThrows(...CANCELLED, () => receiver.receive({cancellable}));
        const listener = Chan.listen('memory:timeout', {timeout: 1});
        assertThrows(...TIMED_OUT, () => listener.accept({timeout: 0.01}));
        listener.close();
    },

    async forAwait() {
        for (const transport of ['pipe', ...TRANSPORTS]) {
            const [sender, receiver] = await channel(transport);
            const produced = produce(sender, 500);
            let expected = 0;
            for await (const message of receiver)
                assertEqual(message.unpack(), expected++);
            assertEqual(expected, 500, transport);
            await produced;
        }
    },

    async leavingALoopTakesNothing() {
        const [sender, receiver] = Chan.pipe_new(8);
        for (let i = 0; i < 4; i++)
            sender.send(i);
        for await (const message of receiver) {
            if (message.unpack() === 1)
                break;
        }
        assertEqual((await receiver.receive_async()).unpack(), 2);
        sender.close();
        assertEqual((await receiver.receive_async()).unpack(), 3);
        assertEqual(await receiver.receive_async(), null);
    },

    async messagesWithALimit() {
        const [sender, receiver] = Chan.pipe_new(1);
        sender.send(1);
        const seen = [];
        await assertRejects(...TIMED_OUT, (async () => {
            for await (const message of receiver.messages({timeout: 0.02}))
                seen.push(message.unpack());
        })());
        assertEqual(seen, [1]);
    },

    async anErrorEndsALoop() {
        const [sender, receiver] = Chan.pipe_new(2);
        sender.send(1);
        sender.abort('enough');
        const error = await assertRejects(Chan.ChannelError, Chan.ChannelError.RESET, (async () => {
            for await (const message of receiver)
                message.unpack();
        })());
        assert(error.message.includes('enough'), error.message);
    },

    async abortWithAnErrorOfYours() {
        const [sender, receiver] = await channel('tcp');
        sender.abort(new GLib.Error(Chan.ChannelError, Chan.ChannelError.PERMISSION, 'not you'));
        const error = await assertRejects(Chan.ChannelError, Chan.ChannelError.PERMISSION, receiver.receive_async());
        assert(error.message.includes('not you'), error.message);
    },

    // A loop over a queue that is never empty lets the main loop run.
    async timersRunMeanwhile() {
        const [sender, receiver] = Chan.pipe_new(64);
        let ticks = 0;
        const timer = GLib.timeout_add(GLib.PRIORITY_DEFAULT, 1, () => ++ticks > 0);
        const produced = produce(sender, 20000);
        for await (const message of receiver)
            assert(message !== null);
        await produced;
        GLib.source_remove(timer);
        assert(ticks > 5, `${ticks} ticks`);
    },

    async callbacksAsInC() {
        const [sender, receiver] = Chan.pipe_new(1);
        const message = await new Promise((resolve, reject) => {
            receiver.receive_async(GLib.PRIORITY_DEFAULT, null, (source, result) => {
                try {
                    resolve(source.receive_finish(result));
                } catch (error) {
                    reject(error);
                }
            });
            sender.send_async('there', GLib.PRIORITY_DEFAULT, null, (source, result) => source.send_finish(result));
        });
        assertEqual(message.unpack(), 'there');
    },

    async cancelled() {
        const [sender, receiver] = Chan.pipe_new(1);
        const cancellable = new Gio.Cancellable();
        const pending = [receiver.receive_async(cancellable), receiver.receive_async({cancellable, timeout: TIMEOUT}),
            receiver.receive_async(GLib.PRIORITY_LOW, cancellable)];
        await sleep(1);
        cancellable.cancel();
        for (const promise of pending)
            await assertRejects(...CANCELLED, promise);
        await assertRejects(...CANCELLED, receiver.receive_async({cancellable, timeout: TIMEOUT}));
        await sender.send_async('kept');
        await assertRejects(...CANCELLED, sender.send_async('not sent', {cancellable}));
        assertEqual((await receiver.receive_async()).unpack(), 'kept');
        assertEqual(receiver.try_receive(), [Chan.Take.EMPTY, null]);
    },

    async nothingIsLostUnderCancellation() {
        for (const transport of ['pipe', ...TRANSPORTS]) {
            const [sender, receiver] = await channel(transport, 4);
            const count = 400 * ROUNDS;
            const produced = produceCancelling(sender, count);
            const cancelled = await consumeCancelling(receiver, count);
            await produced;
            assert(cancelled > 10, `only ${cancelled} were cancelled`);
        }
    },

    async cancelledSendKeepsItsHandles() {
        const [sender, receiver] = Chan.pipe_new(1);
        const [inner, innerReceiver] = Chan.pipe_new(1);
        sender.send('full');
        await assertRejects(...TIMED_OUT, sender.send_async([inner], {timeout: 0.01}));
        inner.send('still mine');
        assertEqual(innerReceiver.receive().unpack(), 'still mine');
        assertEqual(receiver.receive().unpack(), 'full');
    },

    async withoutAQueue() {
        for (const transport of ['pipe', 'tcp']) {
            const [sender, receiver] = await channel(transport, 0);
            const produced = produce(sender, 200);
            let expected = 0;
            for await (const message of receiver)
                assertEqual(message.unpack(), expected++);
            assertEqual(expected, 200);
            await produced;
        }
    },

    async requests() {
        for (const transport of ['pipe', ...TRANSPORTS]) {
            const [requests, served] = await channel(transport);
            const serving = answer(served);
            const answers = await Promise.all(Array.from({length: 100},
                (_, i) => requests.request_async({Number: i}, 'Reply', limit)));
            answers.forEach((message, i) => assertEqual(message.unpack(), {Square: i * i}));
            requests.close();
            await serving;
        }
    },

    async severalAnswers() {
        const [requests, served] = Chan.pipe_new(1);
        const answers = requests.try_request({Number: 3}, 'Reply');
        assertThrows(Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK, () => requests.try_request({Number: 3}, 'Reply'));
        const {Reply} = served.receive().unpack();
        for (let i = 0; i < 3; i++) {
            Reply.send(i);
            assertEqual(answers.wait_until(0, null), true);
            assertEqual(answers.receive().unpack(), i);
        }
        Reply.close();
        assertEqual(answers.receive(), null);
    },

    async aRequestThatNobodyAnswers() {
        const [requests, served] = Chan.pipe_new(2);
        await assertRejects(...TIMED_OUT, requests.request_async({Number: 1}, 'Reply', {timeout: 0.02}));
        const {Reply} = served.receive().unpack();
        assertThrows(Chan.ChannelError, Chan.ChannelError.CLOSED, () => Reply.send('late'));
        assertThrows(...TIMED_OUT, () => requests.request({Number: 1}, 'Reply', {timeout: 0.01}));
        served.close();
        await assertRejects(Chan.ChannelError, Chan.ChannelError.CLOSED, requests.request_async({Number: 1}, 'Reply'));
    },

    async select() {
        const [sender, receiver] = Chan.pipe_new(1);
        const [other, otherReceiver] = await channel('tcp');
        assertEqual(Chan.select([receiver, [sender, {a: 1}]]), [sender, null]);
        const [end, message] = Chan.select([otherReceiver, receiver], {timeout: TIMEOUT});
        assert(end === receiver);
        assertEqual(message.unpack(), {a: 1});
        assertThrows(...TIMED_OUT, () => Chan.select([receiver], {timeout: 0.01}));
        const pending = Chan.select_async([receiver, otherReceiver], limit);
        await other.send_async('over tcp');
        const [which, received] = await pending;
        assert(which === otherReceiver);
        assertEqual(received.unpack(), 'over tcp');
        sender.close();
        assertEqual(await Chan.select_async([receiver, otherReceiver]), [receiver, null]);
    },

    // Over many selects each of several channels that are ready has its turn.
    async selectIsFair() {
        const channels = [0, 1, 2].map(() => Chan.pipe_new(64));
        const counts = [0, 0, 0];
        for (let i = 0; i < 600; i++) {
            channels.forEach(([sender], which) => {
                while (i % 10 === 0) {
                    try {
                        sender.try_send(which);
                    } catch (error) {
                        break;
                    }
                }
            });
            const [, message] = await Chan.select_async(channels.map(([, receiver]) => receiver));
            counts[message.unpack()]++;
        }
        assert(Math.min(...counts) > 120, `${counts}`);
    },

    async selectRefuses() {
        const [sender, receiver] = Chan.pipe_new(1);
        await assertRejects(TypeError, undefined, Chan.select_async([]));
        await assertRejects(TypeError, undefined, Chan.select_async(receiver));
        assertThrows(TypeError, undefined, () => Chan.select(receiver));
        await assertRejects(...TIMED_OUT, Chan.select_async([receiver], {timeout: 0.01}));
        const cancellable = new Gio.Cancellable();
        const pending = Chan.select_async([receiver], {cancellable});
        cancellable.cancel();
        await assertRejects(...CANCELLED, pending);
        sender.abort('gone');
        const error = await assertRejects(Chan.ChannelError, Chan.ChannelError.RESET, Chan.select_async([receiver]));
        assert(error.end === receiver, `${error.end}`);
    },

    // A send that fails is not taken for one that was done, and the message keeps its channels.
    async selectWithASenderThatIsOver() {
        const [gone, goneReceiver] = Chan.pipe_new(1);
        const [sender, receiver] = Chan.pipe_new(1);
        const [reply, replyReceiver] = Chan.pipe_new(1);
        const message = Chan.Message.pack({Reply: reply});
        goneReceiver.close();
        const error = assertThrows(Chan.ChannelError, Chan.ChannelError.CLOSED, () => Chan.select([[gone, message]]));
        assert(error.end === gone, `${error.end}`);
        await assertRejects(Chan.ChannelError, Chan.ChannelError.CLOSED, Chan.select_async([[gone, message]]));
        assertEqual(await Chan.select_async([[sender, message]]), [sender, null]);
        receiver.receive().unpack().Reply.send('through');
        assertEqual(replyReceiver.receive().unpack(), 'through');
    },

    async splice() {
        const [sender, receiver] = Chan.pipe_new(4);
        const [next, last] = Chan.pipe_new(4);
        const done = Promise.all([receiver.splice_async(next, limit), produce(sender, 50)]);
        let expected = 0;
        for await (const message of last)
            assertEqual(message.unpack(), expected++);
        assertEqual(expected, 50);
        await done;
    },

    spliceWithATimeout() {
        const [sender, receiver] = Chan.pipe_new(4);
        const [next] = Chan.pipe_new(4);
        assertThrows(...TIMED_OUT, () => receiver.splice(next, {timeout: 0.05}));
        sender.send('still here');
        assertEqual(receiver.receive().unpack(), 'still here');
    },

    async sessionsAndListeners() {
        for (const transport of TRANSPORTS) {
            const [client, server] = await sessions(transport);
            assert(await client.ping_async(limit) >= 0);
            assert(client.ping(limit) >= 0);
            for (const name of ['one', 'two'])
                client.open_channel(name).close();
            const closed = client.close_async(limit);
            const names = [];
            for await (const receiver of server) {
                names.push(receiver.get_name());
                assertEqual(await receiver.receive_async(limit), null);
            }
            assertEqual(names, ['one', 'two']);
            await closed;
        }
    },

    async listenerIsIterated() {
        const listener = Chan.listen('tcp://127.0.0.1:0');
        const clients = [Chan.connect(listener.get_uri()), Chan.connect(listener.get_uri(), limit), await Chan.connect_async(listener.get_uri())];
        let count = 0;
        for await (const session of listener) {
            assert(session instanceof Chan.Session);
            if (++count === clients.length)
                listener.close();
        }
        assertEqual(count, 3);
    },

    // Some find room and are done at once, some wait, some take the long way by turns.
    async sendsThatAreNotAwaitedKeepTheirOrder() {
        for (const transport of ['pipe', ...TRANSPORTS]) {
            const [sender, receiver] = await channel(transport, 7);
            const sent = [];
            for (let i = 0; i < 500; i++)
                sent.push(sender.send_async(i));
            Promise.all(sent).then(() => sender.close());
            let expected = 0;
            for await (const message of receiver)
                assertEqual(message.unpack(), expected++);
            assertEqual(expected, 500);
        }
    },

    async sendsAreBoundedByTheCapacity() {
        const [sender, receiver] = Chan.pipe_new(3);
        let done = 0;
        const sent = [];
        for (let i = 0; i < 9; i++)
            sent.push(sender.send_async({i, Answer: Chan.pipe_new(1)[0]}).then(() => done++));
        await sleep(20);
        assertEqual(done, 3);
        for (let i = 0; i < 9; i++) {
            const {i: number, Answer} = (await receiver.receive_async(limit)).unpack();
            assertEqual(number, i);
            assert(Answer instanceof Chan.Sender);
        }
        await Promise.all(sent);
        receiver.close();
        for (let i = 0; i < 20; i++)
            await assertRejects(Chan.ChannelError, Chan.ChannelError.CLOSED, sender.send_async(i));
    },

    async sendsDoNotStopTheMainLoop() {
        const [sender, receiver] = Chan.pipe_new(4000);
        let turned = false;
        GLib.idle_add(GLib.PRIORITY_DEFAULT, () => (turned = true) && GLib.SOURCE_REMOVE);
        for (let i = 0; i < 1000; i++)
            await sender.send_async(i);
        assert(turned);
        receiver.close();
    },

    async connectFails() {
        await assertRejects(Chan.ChannelError, Chan.ChannelError.NO_TRANSPORT, Chan.connect_async('nosuchscheme://x'));
        assertThrows(Chan.ChannelError, Chan.ChannelError.NO_TRANSPORT, () => Chan.listen('nosuchscheme://x'));
        await assertRejects(Gio.IOErrorEnum, Gio.IOErrorEnum.CONNECTION_REFUSED, Chan.connect_async('tcp://127.0.0.1:1', limit));
    },

    async bytes() {
        const [client, server] = await sessions('tcp');
        const [near, far] = Chan.byte_pipe_new();
        client.open_channel().send({Stream: far});
        const {Stream} = (await (await server.accept_channel_async(limit)).receive_async(limit)).unpack();
        near.get_output_stream().write_all('through', null);
        near.get_output_stream().close(null);
        const input = Stream.get_input_stream();
        assertEqual(new TextDecoder().decode(input.read_bytes(100, null).toArray()), 'through');
        assertEqual(input.read_bytes(100, null).get_size(), 0);
    },
};

run(tests);

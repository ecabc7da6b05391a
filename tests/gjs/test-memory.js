// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory stays flat under traffic. CHAN_TEST_MESSAGES=1000000 sends that many; the curve is printed.
import GLib from 'gi://GLib';
import System from 'system';
import Chan from 'gi://Chan?version=1';
import {SANITIZED, assert, assertEqual, channel, memory, run} from './tap.js';

const COUNT = Number(GLib.getenv('CHAN_TEST_MESSAGES') ?? 50000);
const POINTS = 10;
// The first half fills caches and heaps; from then on this is all that may be added.
const GROWTH_KIB = 8 * 1024;

function assertFlat(name, curve) {
    print(`# ${name}: ${curve.map(kib => (kib / 1024).toFixed(1)).join(' ')} MiB`);
    // The least of several: in between it rises until the next collection.
    const growth = Math.min(...curve.slice(-3)) - curve[curve.length / 2];
    if (!SANITIZED)
        assert(growth < GROWTH_KIB, `${growth} KiB more at the end`);
}

async function produce(sender, count) {
    for (let i = 0; i < count; i++)
        await sender.send_async({Id: i, Name: 'a small message', Flags: [true, null]});
    sender.close();
}

async function consume(receiver, count) {
    const curve = [];
    let expected = 0;
    for await (const message of receiver) {
        assertEqual(message.unpack().Id, expected);
        if (++expected % (count / POINTS) === 0)
            curve.push(memory());
    }
    assertEqual(expected, count);
    return curve;
}

async function traffic(transport, count) {
    const [sender, receiver] = await channel(transport);
    const [curve] = await Promise.all([consume(receiver, count), produce(sender, count)]);
    assertFlat(`${count} messages over ${transport}`, curve);
}

const tests = {
    messagesInTheProcess: () => traffic('pipe', COUNT),
    messagesOverTcp: () => traffic('tcp', COUNT / 2),

    largeMessages() {
        const [sender, receiver] = Chan.pipe_new(1);
        const text = 'x'.repeat(100000);
        const curve = [];
        for (let i = 0; i < 1500; i++) {
            sender.send({text, bytes: new Uint8Array(1000)});
            assertEqual(receiver.receive().unpack().text.length, text.length);
            if (i % 150 === 149)
                curve.push(memory());
        }
        assertFlat('1500 messages of 100 kB', curve);
    },

    bytes() {
        const [sender, receiver] = Chan.pipe_new(1);
        const bytes = new Uint8Array(100000);
        const curve = [];
        for (let i = 0; i < 1500; i++) {
            sender.send(bytes);
            assertEqual(receiver.receive().unpack().length, bytes.length);
            if (i % 150 === 149)
                curve.push(memory());
        }
        assertFlat('1500 times 100 kB of bytes', curve);
    },

    async channelsInside() {
        const [requests, served] = Chan.pipe_new(16);
        const curve = [];
        const serving = (async () => {
            for await (const request of served) {
                const {Reply} = request.unpack();
                await Reply.send_async('answer');
                Reply.close();
            }
        })();
        for (let i = 0; i < COUNT / 10; i++) {
            await requests.request_async({i}, 'Reply');
            if (i % (COUNT / 100) === COUNT / 100 - 1)
                curve.push(memory());
        }
        requests.close();
        await serving;
        System.gc();
        assertFlat(`${COUNT / 10} requests`, curve);
    },
};

run(tests);

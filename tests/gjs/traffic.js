// SPDX-License-Identifier: LGPL-2.1-or-later
// Large and small values of each kind through a session of one process, for test_collections.py.
import GLib from 'gi://GLib';
import Chan from 'gi://Chan?version=1';

const TOTAL = 60e6;
const KINDS = [
    size => new Uint8Array(size).fill(7),
    size => ({Bytes: new Uint8Array(size).fill(7), Name: 'x'}),
    size => 'x'.repeat(size),
    size => Array.from({length: size / 8}, (_, i) => i),
];

const listener = Chan.listen('tcp://127.0.0.1:0');
const client = Chan.connect(listener.get_uri());
const sender = client.open_channel('traffic');
const session = listener.accept();
const receiver = session.accept_channel();

async function send() {
    for (const size of [2000, 65536, 1000000]) {
        for (const make of KINDS) {
            for (let sent = 0; sent < TOTAL / 12; sent += size)
                await sender.send_async(make(size));
        }
    }
    sender.close();
}

async function count() {
    let n = 0;
    for await (const message of receiver)
        n += message.unpack() === null ? 0 : 1;
    return n;
}

const loop = new GLib.MainLoop(null, false);
Promise.all([send(), count()]).then(([, n]) => print(n)).finally(() => loop.quit());
loop.run();

// SPDX-License-Identifier: LGPL-2.1-or-later
// Listens or connects over files: or pair: with the transport in JavaScript. files_peer.py does the same in Python.
//
// usage: files-peer.js listen URI|connect URI
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';
import Chan from 'gi://Chan?version=1';
import '../../examples/gjs/files-transport.js';
import '../../examples/gjs/pair-transport.js';

Gio._promisify(Gio.InputStream.prototype, 'read_bytes_async', 'read_bytes_finish');

async function serve(session) {
    for await (const channel of session) {
        for await (const request of channel) {
            const {Text, Reply} = request.unpack();
            await Reply.send_async(Text.toUpperCase());
            Reply.close();
        }
    }
}

async function accept(listener) {
    for await (const session of listener)
        serve(session).catch(() => { /* The client is gone. */ });
}

async function input() {
    await new Gio.UnixInputStream({fd: 0, close_fd: false}).read_bytes_async(1, GLib.PRIORITY_DEFAULT, null);
}

// Until its input ends.
async function listen(uri) {
    const listener = await Chan.listen_async(uri);
    const accepting = accept(listener);
    print('listening');
    await input();
    listener.close();
    await accepting;
}

// Asks, prints the answer, and stays until its input ends.
async function connect(uri) {
    const session = await Chan.connect_async(uri, {timeout: 20});
    const answer = await session.open_channel().request_async({Text: 'hello'}, 'Reply', {timeout: 20});
    print(answer.unpack());
    await input();
    await session.close_async();
}

const [what, uri] = System.programArgs;
const loop = new GLib.MainLoop(null, false);
let status = 0;
({listen, connect})[what](uri).catch(error => {
    print(error.message);
    status = 1;
}).finally(() => loop.quit());
loop.run();
System.exit(status);

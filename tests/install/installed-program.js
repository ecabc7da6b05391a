// SPDX-License-Identifier: LGPL-2.1-or-later
// The installed typelib and overrides: a round trip over each address given.
import GLib from 'gi://GLib';
import System from 'system';
import Chan from 'gi://Chan?version=1';

async function greet(address) {
    const listener = await Chan.listen_async(address);
    const client = await Chan.connect_async(listener.get_uri());
    const server = await listener.accept_async();
    client.open_channel('greetings').send({Text: 'hello'});
    const channel = await server.accept_channel_async();
    for await (const message of channel) {
        print(`${address}: ${message.unpack().Text}`);
        return;
    }
}

const loop = new GLib.MainLoop(null, false);
let status = 0;
(async () => {
    for (const address of System.programArgs)
        await greet(address);
})().catch(error => {
    logError(error);
    status = 1;
}).finally(() => loop.quit());
loop.run();
System.exit(status);

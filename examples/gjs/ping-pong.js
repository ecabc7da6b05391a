#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Both ends of a conversation in one process, over whatever transport the URI names (default memory:ping-pong): the
// program does not know which. Each ping carries its own return channel.
import GLib from 'gi://GLib';
import Chan from 'gi://Chan?version=1';
import {main} from './main.js';

// Answers every ping on the channel that came with it.
async function serve(listener) {
    const session = await listener.accept_async();
    const pings = await session.accept_channel_async();
    for await (const ping of pings) {
        const {Reply} = ping.unpack();
        await Reply.send_async('pong');
        Reply.close();
    }
}

async function play(uri, count) {
    const listener = await Chan.listen_async(uri);
    const served = serve(listener);
    // A name stays a name: its endpoint may say more than where. Port 0 and the like are only known to the listener.
    const session = await Chan.connect_async(uri.startsWith('@') ? uri : listener.get_uri());
    const pings = session.open_channel('pings');
    const begun = GLib.get_monotonic_time();
    for (let i = 0; i < count; i++)
        await pings.request_async({Text: 'ping'}, 'Reply');
    const each = (GLib.get_monotonic_time() - begun) / Math.max(count, 1);
    print(`${count} rounds over ${listener.get_uri()}, ${each.toFixed(1)} µs each`);
    pings.close();
    await session.close_async();
    await served;
    listener.close();
}

main('[-n COUNT] [URI|@NAME]', 0, (...args) => {
    const count = args[0] === '-n' ? Number(args.splice(0, 2)[1]) : 1000;
    return play(args[0] ?? 'memory:ping-pong', count);
});

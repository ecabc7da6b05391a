#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers {"P": x, "R": sender} with {"P": x} on R, for any number of clients at once. A message that is not like that
// is passed over. Prints its URI first.
import Chan from 'gi://Chan?version=1';
import {debug, lookup, main, serveChannels} from './main.js';

async function answer(reply, value) {
    try {
        await reply.send_async({P: value ?? null});
        reply.close();
    } catch (error) {
        debug(`an answer was not sent: ${error.message}`);
    }
}

async function serve(requests) {
    for await (const message of requests) {
        const reply = lookup(message, 'R', Chan.Sender);
        if (reply !== undefined)
            await answer(reply, message.unpack().P);
    }
}

main('[URI|@NAME]', 0, (uri = 'tcp://127.0.0.1:0') => serveChannels(uri, serve));

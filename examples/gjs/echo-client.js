#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends each word to an echo-server, and prints what comes back.
import Chan from 'gi://Chan?version=1';
import {lookup, main} from './main.js';

async function echo(uri, ...words) {
    const session = await Chan.connect_async(uri);
    const requests = session.open_channel('echo');
    for (const word of words) {
        const text = lookup(await requests.request_async({P: word}, 'R'), 'P', 'string');
        if (text === undefined)
            throw new Error(`the answer to “${word}” has no text`);
        print(text);
    }
    requests.close();
    await session.close_async();
}

main('URI|@NAME WORD…', 2, echo);

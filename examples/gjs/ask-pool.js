#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Gives a pool the numbers from 1 to N as jobs, all at once, and prints each square, and who computed it.
import Chan from 'gi://Chan?version=1';
import {main} from './main.js';

async function ask(uri, count) {
    const session = await Chan.connect_async(uri);
    const jobs = session.open_channel('jobs');
    const answers = await Promise.all(Array.from({length: Number(count)}, (_, i) =>
        jobs.request_async({Number: i + 1}, 'Reply', {timeout: 30})));
    for (const answer of answers) {
        const {Number: number, Square, Worker} = answer.unpack();
        print(`${number} ${Square} ${Worker}`);
    }
    jobs.close();
    await session.close_async();
}

main('URI|@NAME N', 2, ask);

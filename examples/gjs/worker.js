#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// A worker of a pool: it registers itself with the channel on which it takes jobs, and answers each on the channel that
// came with it, which leads to whoever asked. Ends when the pool does.
import Chan from 'gi://Chan?version=1';
import {debug, lookup, main} from './main.js';

async function work(uri, name) {
    const session = await Chan.connect_async(uri);
    // Without a queue: a job that waits here could be done by another worker.
    const [jobsForMe, jobs] = Chan.pipe_new(0);
    await session.open_channel('workers').send_async({Name: name, Jobs: jobsForMe});
    for await (const job of jobs) {
        const number = lookup(job, 'Number', 'number');
        const Reply = lookup(job, 'Reply', Chan.Sender);
        if (number === undefined || Reply === undefined)
            continue;
        try {
            await Reply.send_async({Number: number, Square: number * number, Worker: name});
            Reply.close();
        } catch (error) {
            debug(`nobody waits for ${number} any more: ${error.message}`);
        }
    }
}

main('URI|@NAME WORKER-NAME', 2, work);

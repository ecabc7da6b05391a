#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// A pool of workers. A worker registers itself on a channel `workers`, with {Name, Jobs}: the channel on which it takes
// jobs. A job comes on any channel `jobs`, and goes, with all that is in it, to one of the workers; the channel for
// its answer leads from there to whoever asked, not through here. Prints its URI first.
import Chan from 'gi://Chan?version=1';
import {debug, lookup, main, serveChannels} from './main.js';

const [queue, queued] = Chan.pipe_new(16);
const [registry, registered] = Chan.pipe_new(16);
const workers = new Map();

// Waits until a worker takes the job or a new worker comes; workers that are gone are forgotten.
async function dispatch(job) {
    for (;;) {
        const offers = [...workers.keys()].map(jobs => [jobs, job]);
        try {
            const [end, message] = await Chan.select_async([registered, ...offers]);
            if (end !== registered)
                return;
            const Jobs = lookup(message, 'Jobs', Chan.Sender);
            if (Jobs !== undefined)
                workers.set(Jobs, lookup(message, 'Name', 'string'));
        } catch (error) {
            if (!workers.has(error.end))
                throw error;
            debug(`${workers.get(error.end)} is gone: ${error.message}`);
            workers.delete(error.end);
            // One that was out already cannot be called back, and may have been done: whoever asked hears how it ended
            // from the channel for the answer, which went with it.
            if (lookup(job, 'Reply', Chan.Sender) === undefined)
                return;
        }
    }
}

async function dispatchAll() {
    for await (const job of queued)
        await dispatch(job);
}

async function serve(receiver) {
    const target = receiver.get_name() === 'workers' ? registry : queue;
    for await (const message of receiver)
        await target.send_async(message);
}

async function pool(uri) {
    await Promise.all([serveChannels(uri, serve), dispatchAll()]);
}

main('URI|@NAME', 1, pool);

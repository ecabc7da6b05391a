#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pool of workers. A worker registers itself on a channel `workers`, with {Name, Jobs}: the channel on which it takes
jobs. A job comes on any channel `jobs`, and goes, with all that is in it, to one of the workers; the channel for
its answer leads from there to whoever asked, not through here. Prints its URI first.

usage: pool.py URI|@NAME
"""

import asyncio

import example
from gi.repository import Chan, GLib


class Pool:
    def __init__(self) -> None:
        self.queue, self.queued = Chan.pipe_new(16)             # jobs of all clients; when it is full, they wait
        self.registry, self.registered = Chan.pipe_new(16)      # messages of all workers that come
        self.workers: list[Chan.Sender] = []                    # each takes a job when its worker is free

    async def serve(self, channel: Chan.Receiver) -> None:
        target = self.registry if channel.get_name() == 'workers' else self.queue
        async for message in channel:
            await target.send_async(message)

    def add_worker(self, message: Chan.Message) -> None:
        jobs = example.lookup(message, 'Jobs', Chan.Sender)
        if jobs is not None:
            self.workers.append(jobs)

    async def dispatch(self, job: Chan.Message) -> None:
        """Offers the job to all workers; the first that can take it gets it, the others never see it."""
        while True:
            try:
                end, message = await Chan.select_async(self.registered, *((jobs, job) for jobs in self.workers))
            except GLib.Error as error:
                example.debug(f'a worker is gone: {error.message}')
                self.workers.remove(getattr(error, 'end'))
                # One that was out already cannot be called back, and may have been done: whoever asked hears how it ended
                # from the channel for the answer, which went with it.
                if example.lookup(job, 'Reply', Chan.Sender) is None:
                    return
                continue
            if message is not None:
                self.add_worker(message)
            elif isinstance(end, Chan.Sender):
                # A select begins with its first case: who had the last job is asked last.
                self.workers.remove(end)
                self.workers.append(end)
                return

    async def dispatch_all(self) -> None:
        async for job in self.queued:
            await self.dispatch(job)

    async def run(self, uri: str) -> None:
        await asyncio.gather(self.dispatch_all(), example.serve(uri, self.serve))


uri, *_ = example.arguments(__doc__, 1)
example.run_async(Pool().run(uri))

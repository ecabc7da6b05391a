#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A worker of a pool: it registers itself with the channel on which it takes jobs, and answers each on the channel that
came with it, which leads to whoever asked. Ends when the pool does.

usage: worker.py URI|@NAME WORKER-NAME
"""

import example
from gi.repository import Chan, GLib


def work(uri: str, name: str, *_more: str) -> None:
    session = Chan.connect(uri)
    # Without a queue: a job that waits here could be done by another worker.
    jobs_for_me, jobs = Chan.pipe_new(0)
    session.open_channel('workers').send({'Name': name, 'Jobs': jobs_for_me})
    for job in jobs:
        number, reply = example.lookup(job, 'Number', int), example.lookup(job, 'Reply', Chan.Sender)
        if number is None or reply is None:
            continue
        try:
            with reply:
                reply.send({'Number': number, 'Square': number * number, 'Worker': name})
        except GLib.Error as error:
            example.debug(f'nobody waits for {number} any more: {error.message}')


example.run(work, *example.arguments(__doc__, 2))

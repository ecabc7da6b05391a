#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A worker of a pool: it registers itself with the channel on which it takes jobs, and answers each on the channel that
came with it, which leads to whoever asked. Ends when the pool does.

usage: worker.py URI|@NAME WORKER-NAME
"""

import sys

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, GLib  # noqa: E402


def main(uri, name):
    session = Chan.connect(uri)
    # Without a queue: a job that waits here could be done by another worker.
    jobs_for_me, jobs = Chan.pipe_new(0)
    session.open_channel('workers').send({'Name': name, 'Jobs': jobs_for_me})
    for job in jobs:
        number = job['Number']
        try:
            with job['Reply'] as reply:
                reply.send({'Number': number, 'Square': number * number, 'Worker': name})
        except GLib.Error:
            continue        # nobody waits for it any more


try:
    main(*sys.argv[1:])
except GLib.Error as lost:
    sys.exit(f'worker: {lost.message}')

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Remote execution as the original's demo does it: {Cmd, Args, Stdin, Stdout, Stderr, StatusChan} answered by {Status}."""

import os
import subprocess
import threading

import msgpack_lite as mp
import rawpeer

DUPLEX_CODES = (mp.DUPLEX, mp.DUPLEX, mp.DUPLEX)        # what Go sends for *os.File
PLAIN_CODES = (mp.READS, mp.WRITES, mp.WRITES)


class Running:
    """A command asked for by the raw peer as client."""

    def __init__(self, peer, command, codes=DUPLEX_CODES, channel=None, early_fin=True):
        self.peer = peer
        self.channel = channel or peer.open_channel()
        self.stdin, self.stdout, self.stderr, self.status = (peer.open_nested(self.channel) for _ in range(4))
        streams = zip(('Stdin', 'Stdout', 'Stderr'), codes, (self.stdin, self.stdout, self.stderr))
        message = {'Cmd': command[0], 'Args': list(command[1:]), 'StatusChan': self.status.as_(mp.SENDER)}
        message.update((key, stream.as_(code)) for key, code, stream in streams)
        peer.send_message(self.channel, message)
        if early_fin and codes[1] == mp.DUPLEX:
            peer.fin(self.stdout)       # Go: cannot read from its own stdout, so that half ends at once
            peer.fin(self.stderr)

    def finish(self, stdin=b'', timeout=rawpeer.TIMEOUT):
        """(stdout, stderr, status)"""
        feeder = threading.Thread(target=self.feed, args=(stdin, timeout), daemon=True)
        feeder.start()
        out, err = self.peer.read_all(self.stdout, timeout), self.peer.read_all(self.stderr, timeout)
        answer = self.peer.recv_message(self.status, timeout)
        feeder.join(timeout)
        return out, err, answer['Status']

    def feed(self, stdin, timeout):
        try:
            self.peer.write(self.stdin, stdin, timeout=timeout)
            self.peer.fin(self.stdin)
        except rawpeer.Closed:
            pass

    def end_streams(self):
        """What a Go program does at its end; afterwards nothing of this command is open."""
        for stream in (self.stdin, self.stdout, self.stderr, self.status):
            self.peer.fin(stream)


def run(peer, *command, stdin=b'', codes=DUPLEX_CODES, channel=None, timeout=rawpeer.TIMEOUT):
    running = Running(peer, command, codes, channel)
    result = running.finish(stdin, timeout)
    running.end_streams()
    return result


class Service:
    """The raw peer as server: runs what comes over the channels of one connection, each channel in a thread.

    `size` is the length of the frames that answers are cut into, `before` a function called with each message.
    """

    def __init__(self, peer, size=rawpeer.FRAME_SIZE, before=None, early_fins=False):
        self.peer, self.size, self.before, self.early_fins = peer, size, before, early_fins
        self.errors = []
        self.messages = []
        threading.Thread(target=self.guarded, args=(self.accept,), daemon=True).start()

    def guarded(self, function, *arguments):
        try:
            function(*arguments)
        except (rawpeer.Closed, rawpeer.EndOfStream, rawpeer.StreamReset):
            pass
        except Exception as error:          # the test looks at them
            self.errors.append(error)

    def accept(self):
        while True:
            channel = self.peer.accept(60)
            threading.Thread(target=self.guarded, args=(self.serve, channel), daemon=True).start()

    def serve(self, channel):
        while True:
            message = self.peer.recv_message(channel, 60)
            self.messages.append(message)
            if self.before and self.before(message):
                continue
            threading.Thread(target=self.guarded, args=(self.execute, message), daemon=True).start()

    def execute(self, message):
        names = ('Stdin', 'Stdout', 'Stderr', 'StatusChan')
        stdin, stdout, stderr, status = (self.peer.stream_of(message[name]) for name in names)
        if self.early_fins:
            self.peer.fin(stdin)        # our half of a duplex stream that we only read
        try:
            child = subprocess.Popen([message['Cmd'], *(message['Args'] or [])], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except OSError:
            self.answer(127, status, stdout, stderr)
            return
        feeder = threading.Thread(target=self.guarded, args=(self.feed, stdin, child.stdin), daemon=True)
        feeder.start()
        drains = [threading.Thread(target=self.guarded, args=(self.drain, pipe, stream), daemon=True)
                  for pipe, stream in ((child.stdout, stdout), (child.stderr, stderr))]
        for drain in drains:
            drain.start()
        for drain in drains:
            drain.join(60)
        code = child.wait(60)
        self.answer(128 - code if code < 0 else code, status)

    def answer(self, code, status, *unused):
        self.peer.send_message(status, {'Status': code}, self.size)
        for stream in (status, *unused):
            self.peer.fin(stream)

    def feed(self, stream, pipe):
        with pipe:
            try:
                for chunk in iter(lambda: self.peer.read(stream, 60), b''):
                    pipe.write(chunk)
                    pipe.flush()
            except BrokenPipeError:
                pass

    def drain(self, pipe, stream):
        with pipe:
            for chunk in iter(lambda: os.read(pipe.fileno(), 32768), b''):
                self.peer.write(stream, chunk, self.size)
        self.peer.fin(stream)

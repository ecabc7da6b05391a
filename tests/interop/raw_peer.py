#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The raw peer as a program that plays the scenarios of README.md, and judges every frame of the other side.

usage: raw_peer.py serve URI            prints its URI, then one line for each request and each session that is over
       raw_peer.py call URI SCENARIO    prints one line, and exits with 0 if everything was right

URI: tcp://HOST:PORT, with ?judge=no for a peer that is allowed to do what Go does.
"""

import faulthandler
import socket
import sys
import threading
import urllib.parse

import msgpack_lite as mp
import raw_channels
import raw_ends as ends
import raw_streams
import raw_values
import rawpeer

PATIENCE = 30
SCENARIOS = {**raw_values.SCENARIOS, **raw_channels.SCENARIOS, **raw_streams.SCENARIOS}
NEVER_FINISHED = ('extra',)     # its caller opens streams that a server in Go never looks at
UNJUDGED = 'judge=no'


class Caller:
    def __init__(self, uri, tls=None):
        address = urllib.parse.urlsplit(uri)
        self.address = (address.hostname, address.port)
        self.judged = address.query != UNJUDGED
        self.tls = tls
        self.peers, self.channels = [], []
        self.connect()

    def connect(self):
        self.peer = rawpeer.Peer.connect(*self.address, tls=self.tls, strictly=self.judged)
        self.peers.append(self.peer)

    def open(self):
        channel = ends.Sender(self.peer, self.peer.open_channel())
        self.channels.append(channel)
        return channel

    def send(self, channel, scenario, more):
        """The request; gives what will be answered."""
        ret, answers = channel.give(mp.SENDER)
        channel.send({'Scenario': scenario, 'Ret': ret, **more})
        return answers

    def ask(self, scenario, more=()):
        channel = self.open()
        return channel, self.send(channel, scenario, dict(more))

    def finish(self, scenario):
        """Loses nothing: waits for the answer to the end of each channel, and looks at all that came."""
        for channel in self.channels:
            channel.close()
        for channel in self.channels:
            channel.peer.wait(lambda channel=channel: channel.stream.fin_in or channel.peer.closed, what='no FIN in answer to ours')
        for peer in self.peers:
            self.wait_finished(peer, scenario)
            peer.close()
            peer.check()

    def wait_finished(self, peer, scenario):
        patient = self.judged and scenario not in NEVER_FINISHED
        try:
            peer.wait_finished(rawpeer.TIMEOUT if patient else 0.5)
        except rawpeer.Timeout:
            if patient:
                raise


class Request:
    """One request that is served."""

    def __init__(self, peer, channel):
        self.peer, self.channel = peer, channel
        self.request = channel.receive()
        self.ret = self.take('Ret')

    def take(self, key):
        return ends.take(self.peer, self.request[key])


def say(*words):
    sys.stdout.write(' '.join(words) + '\n')    # in one piece: threads do
    sys.stdout.flush()


def attempt(name, script):
    try:
        script()
    except Exception as error:
        say(name, f'failed: {type(error).__name__}: {error}'.replace('\n', ' '))
        return False
    say(name, 'ok')
    return True


def serve_request(request):
    SCENARIOS[request.request['Scenario']][1](request)
    request.channel.expect_end()


def serve_channel(peer, stream):
    request = Request(peer, ends.Receiver(peer, stream))
    attempt(request.request['Scenario'], lambda: serve_request(request))


def serve_connection(peer):
    try:
        while True:
            stream = peer.accept(PATIENCE)
            threading.Thread(target=serve_channel, args=(peer, stream), daemon=True).start()
    except (rawpeer.Closed, rawpeer.Timeout) as error:
        why = f'{error}'
    peer.close()
    if peer.violations:
        say('session failed:', *peer.violations)
    elif why != 'end of file':
        say('session failed:', why)
    else:
        say('session over')


def serve(uri):
    address = urllib.parse.urlsplit(uri)
    with socket.create_server((address.hostname, address.port or 0)) as listener:
        say(f'tcp://127.0.0.1:{listener.getsockname()[1]}')
        while True:
            peer = rawpeer.Peer(listener.accept()[0], 'server', strictly=address.query != UNJUDGED)
            threading.Thread(target=serve_connection, args=(peer,), daemon=True).start()


def call(uri, name):
    def script():
        caller = Caller(uri)
        SCENARIOS[name][0](caller)
        caller.finish(name)

    return 0 if attempt(name, script) else 1


def main():
    faulthandler.dump_traceback_later(3 * PATIENCE, exit=True)
    if sys.argv[1:2] == ['serve'] and len(sys.argv) == 3:
        serve(sys.argv[2])
    elif sys.argv[1:2] == ['call'] and len(sys.argv) == 4:
        sys.exit(call(*sys.argv[2:]))
    sys.exit(__doc__)


if __name__ == '__main__':
    main()

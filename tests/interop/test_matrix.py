#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every scenario of README.md, in both roles, between our library and each foreign peer, and between those.

CHAN_TEST_RUNS=50 plays each of them 50 times.
"""

import pathlib
import queue
import subprocess
import time
import unittest

import harness

SCENARIOS = ('echo', 'channels', 'large', 'values', 'integers', 'times', 'nil', 'extra', 'nested-both', 'receiver', 'three-deep',
             'list', 'untyped', 'many-handles', 'flow', 'close', 'abort', 'abort-back', 'receiver-closes', 'bare', 'server-opens',
             'byte-streams', 'send-back', 'relay')
REQUESTS = {'channels': ['echo'] * 3, 'relay': ['relay-give', 'relay-take']}     # others: one, of their own name
SESSIONS = {'relay': 2}

OURS, RAW, GO = 'interop-peer', 'raw_peer.py', 'go-peer'
# What a program in Go has no means for: nothing aborts a channel, nothing closes a receiver.
UNABLE = {('call', GO): ('abort', 'receiver-closes'), ('serve', GO): ('abort-back',)}
# How a session with a program in Go may end beside a clean end, when Go was the caller (docs/wire.md, "When Go leaves"):
# all of it happens after the last answer, so a failed request is never excused.
ABRUPT_ENDS = {
    'session failed: The connection was reset by the peer': SCENARIOS,          # it never read our last frames
    'session failed: The connection ended in the middle of a frame': SCENARIOS,     # it ended between two writes of one frame
    'session failed: The peer closed the connection': ('extra',),               # with channels open, which it never looks at
}

UNJUDGED = '?judge=no'
CALL_TIMEOUT = 40
END_TIMEOUT = 10


def call(program, uri, scenario):
    done = subprocess.run([harness.program(program), 'call', uri, scenario], env=harness.environment(), capture_output=True,
                          text=True, timeout=CALL_TIMEOUT, check=False, preexec_fn=harness.die_with_parent)
    if (done.stdout, done.returncode) != (f'{scenario} ok\n', 0):
        raise AssertionError(f'{program} calls: {done.stdout}{done.stderr}exit status {done.returncode}')


def lines_of(server, count):
    """What the server says of its requests and sessions."""
    lines = []
    end = time.monotonic() + END_TIMEOUT
    while len(lines) < count:
        try:
            lines.append(server.out.lines.get(timeout=max(0, end - time.monotonic())).strip())
        except queue.Empty:
            break
    return lines


def play(scenario, caller, server_name, caller_option='', server_option=''):
    server = harness.Server(server_name, 'serve', (f'tcp://127.0.0.1:0{server_option}',))
    try:
        wanted = [f'{name} ok' for name in REQUESTS.get(scenario, [scenario])]
        wanted += ['session over'] * SESSIONS.get(scenario, 1)
        try:
            call(caller, f'tcp://127.0.0.1:{server.port}{caller_option}', scenario)
        except AssertionError as error:
            raise AssertionError(f'{error}\n{server_name} serves: {lines_of(server, 1)}\n{"".join(server.err.text)}') from None
        said = lines_of(server, len(wanted))
        if caller == GO:
            said = ['session over' if scenario in ABRUPT_ENDS.get(line, ()) else line for line in said]
        if sorted(said) != sorted(wanted):
            raise AssertionError(f'{server_name} serves: {said}, not {wanted}\n{"".join(server.err.text)}')
        server.assert_alive()
    finally:
        server.stop()


def add_test(case, scenario, *arguments):
    def test(self):
        for run in range(max(1, int(harness.RUNS))):
            with self.subTest(run=run):
                play(scenario, *arguments)

    name = f'test_{scenario.replace("-", "_")}' + ('_dialect_2' if any(argument.endswith('2') for argument in arguments) else '')
    test.__name__ = name
    setattr(case, name, test)


def matrix(caller, server):
    """A class with a test for each scenario that both can play, and for each way to say the dialect."""
    case = type('Matrix', (unittest.TestCase,), {})
    for scenario in SCENARIOS:
        if scenario in UNABLE.get(('call', caller), ()) + UNABLE.get(('serve', server), ()):
            continue
        if OURS not in (caller, server):
            add_test(case, scenario, caller, server, UNJUDGED if caller == RAW else '', UNJUDGED if server == RAW else '')
            continue
        # The peer is known to say nothing: there is no need to wait for long.
        add_test(case, scenario, caller, server, '?settle-ms=200' if caller == OURS else '', '')
        add_test(case, scenario, caller, server, *(('?dialect=2', '') if caller == OURS else ('', '?dialect=2')))
    return case


class WeCallRaw(matrix(OURS, RAW)):
    pass


class RawCallsUs(matrix(RAW, OURS)):
    pass


class WeCallGo(matrix(OURS, GO)):
    pass


class GoCallsUs(matrix(GO, OURS)):
    pass


class GoCallsRaw(matrix(GO, RAW)):
    """The foreign peers mean the same by the scenarios."""


class RawCallsGo(matrix(RAW, GO)):
    pass


class GoSource(unittest.TestCase):
    def test_is_formatted(self):
        files = sorted((pathlib.Path(__file__).resolve().parent / 'go').glob('*.go'))
        done = subprocess.run(['gofmt', '-l', *files], capture_output=True, text=True, timeout=60, check=True)
        self.assertEqual(done.stdout, '')
        self.assertTrue(files)


if __name__ == '__main__':
    harness.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every scenario of tests/interop/README.md between two processes, over D-Bus in both modes, with a bus and without.

The programs are those that speak with peers in Go and Python; one line of their configuration says what they speak over.
"""

import queue
import time

import bus
from bus import harness

import test_matrix  # noqa: E402  of tests/interop

END_TIMEOUT = 10


class Matrix(bus.BusCase):
    endpoint = None

    def environment(self):
        return {**super().environment(), 'CHAN_CONFIG': str(self.directory / 'chan.conf')}

    def play(self, scenario):
        uri = self.endpoint.format(directory=self.directory)
        (self.directory / 'chan.conf').write_text(f'[Endpoint peer]\nUri={uri}\n', encoding='utf-8')
        server = self.run_program(harness.program('interop-peer'), 'serve', '@peer')
        self.assertIn('dbus:', server.line())
        done = self.output(harness.program('interop-peer'), 'call', '@peer', scenario, check=False)
        wanted = [f'{name} ok' for name in test_matrix.REQUESTS.get(scenario, [scenario])]
        wanted += ['session over'] * test_matrix.SESSIONS.get(scenario, 1)
        said, end = [], time.monotonic() + END_TIMEOUT
        while len(said) < len(wanted):
            try:
                said.append(server.line(max(0, end - time.monotonic())))
            except queue.Empty:
                break
        self.assertEqual((done.stdout, done.returncode), (f'{scenario} ok\n', 0), f'{done.stderr}\nthe server says {said}')
        self.assertEqual(sorted(said), sorted(wanted), ''.join(server.err.text))
        self.assertIsNone(server.process.poll())


def matrix(endpoint):
    """A class with a test for each scenario."""
    case = type('Matrix', (Matrix,), {'endpoint': endpoint})
    for scenario in test_matrix.SCENARIOS:
        setattr(case, f'test_{scenario.replace("-", "_")}', lambda self, scenario=scenario: self.play(scenario))
    return case


class BusDirect(matrix('dbus:session?name=org.example.Peer&direct=require')):
    pass


class BusMessages(matrix('dbus:session?name=org.example.Peer&direct=never')):
    pass


class PeerDirect(matrix('dbus:unix:path={directory}/peer?direct=require')):
    pass


class PeerMessages(matrix('dbus:unix:path={directory}/peer?direct=never')):
    pass


if __name__ == '__main__':
    harness.main()

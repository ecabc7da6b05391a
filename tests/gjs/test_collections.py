# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes through channels is collected before the engine of GJS begins to: that would be in slices, between which
GJS before 1.82 drops callbacks (docs/gjs.md)."""

import os
import re
import subprocess
import tempfile
import unittest

TRAFFIC = os.path.join(os.path.dirname(__file__), 'traffic.js')
# System.gc(), what GJS does itself when the process has grown, and the end; all of these at one go
WHOLE = {'COMPONENT_UTILS', 'API', 'DESTROY_RUNTIME'}


class Collections(unittest.TestCase):
    def test_each_is_in_one_piece(self):
        with tempfile.TemporaryDirectory() as directory:
            # SpiderMonkey writes down each collection.
            log = os.path.join(directory, 'log')
            out = subprocess.run(['gjs', '-m', TRAFFIC], env={**os.environ, 'MOZ_GCTIMER': log}, check=True, timeout=100,
                                 capture_output=True, text=True).stdout
            with open(log, encoding='utf-8') as file:
                reasons = re.findall('^  Reason: (.*)', file.read(), re.MULTILINE)
        self.assertGreater(int(out), 4 * 2500)
        self.assertGreater(reasons.count('API'), 10)
        self.assertEqual(set(reasons) - WHOLE, set())


if __name__ == '__main__':
    unittest.main()

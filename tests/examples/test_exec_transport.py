#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A transport outside the library, and the programs that meet over it."""

import os
import unittest

import world
from world import harness


class Exec(unittest.TestCase):
    directory = harness.build_dir() / 'examples' / 'exec-transport'

    def hello(self, *arguments, extra=True, config='/dev/null'):
        environment = {**harness.environment(), 'CHAN_CONFIG': str(config)}
        if extra:
            environment['CHAN_EXTRA_MODULES'] = str(self.directory)
        done = world.subprocess.run([self.directory / 'exec-hello', *arguments], env=environment, capture_output=True, text=True,
                                    timeout=world.TIMEOUT, check=False)
        return done.stdout, done.stderr, done.returncode

    def test_reaches_the_program(self):
        self.assertEqual(self.hello(f'exec:{self.directory}/exec-greeter', 'reader'), ('hello, reader\n', '', 0))

    def test_by_one_line_of_configuration(self):
        with world.tempfile.TemporaryDirectory() as directory:
            config = os.path.join(directory, 'chan.conf')
            with open(config, 'w', encoding='utf-8') as out:
                out.write(f'[Endpoint greeter]\nUri=exec:{self.directory}/exec-greeter\n')
            self.assertEqual(self.hello('@greeter', config=config), ('hello, world\n', '', 0))

    def test_without_the_module_directory_there_is_no_such_transport(self):
        out, err, status = self.hello(f'exec:{self.directory}/exec-greeter', extra=False)
        self.assertEqual((out, status), ('', 1))
        self.assertRegex(err, r'\Aexec-hello: [^\n]*exec[^\n]*\n\Z')

    def test_a_program_that_is_not_there(self):
        out, err, status = self.hello('exec:/no/such/program')
        self.assertEqual((out, status), ('', 1))
        self.assertRegex(err, r'\Aexec-hello: [^\n]*/no/such/program[^\n]*\n\Z')

    def test_a_program_that_speaks_something_else(self):
        out, err, status = self.hello('exec:/usr/bin/true')
        self.assertEqual((out, status), ('', 1))
        self.assertRegex(err, r'\Aexec-hello: [^\n]+\n\Z')


if __name__ == '__main__':
    harness.main()

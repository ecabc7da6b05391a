#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the code of a guide, each block as it stands there, and compares what it prints with what the guide says.

usage: run_guide.py CONFIGURATION GUIDE.md LANGUAGE    CONFIGURATION is JSON, see meson.build

A section (from one heading to the next) may have blocks in several languages, all of which print what its `output`
block says. An `ini` block before them is the configuration, with a directory of the test's own for /run/user/1000. A
block is a whole program, or what is in one:

    c        what stands in main(), unless it begins with #include
    python   what follows the imports
    js       what follows the imports, in a module of GJS
    sh       for bash
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TIMEOUT = 60

C_PROGRAM = """#include <libchan-glib/libchan-glib.h>
int
main (void)
{
  g_autoptr (GError) error = NULL;
#line %d "%s"
%s
  if (error != NULL)
    g_printerr ("%%s\\n", error->message);
  return error != NULL;
}
"""
PYTHON_PROLOGUE = """import gi
gi.require_version('Chan', '1')
from gi.repository import Chan, Gio, GLib
"""
JS_PROLOGUE = """import Chan from 'gi://Chan?version=1';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
"""


class Section:
    """blocks: (language, text, line)"""

    def __init__(self, title):
        self.title, self.blocks, self.output, self.config = title, [], None, None


def sections(text):
    current = Section('beginning')
    for match in re.finditer(r'^#+ +(?P<title>[^\n]*)$|^```(?P<language>\w*)\n(?P<block>.*?)^```$', text, re.DOTALL | re.MULTILINE):
        if match['title'] is not None:
            yield current
            current = Section(match['title'])
        elif match['language'] == 'output':
            current.output = match['block']
        elif match['language'] == 'ini':
            current.config = match['block']
        else:
            line = text.count('\n', 0, match.start()) + 2
            current.blocks.append((match['language'], match['block'], line))
    yield current


class Runner:
    def __init__(self, configuration, guide, directory):
        self.configuration = configuration
        self.guide = guide
        self.directory = pathlib.Path(directory)

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text, encoding='utf-8')
        return path

    def c(self, block, line):
        program = block if block.startswith('#include') else C_PROGRAM % (line, self.guide.name, block)
        source = self.write('guide.c', program)
        flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'gio-2.0', 'json-glib-1.0'], check=True, capture_output=True,
                               text=True).stdout.split()
        subprocess.run([*self.configuration['cc'], '-g', '-Wall', '-Werror', '-o', self.directory / 'guide', source,
                        *self.configuration['flags'], *flags], check=True, timeout=TIMEOUT)
        return [self.directory / 'guide']

    def python(self, block, _line):
        return [self.configuration['python'], self.write('guide.py', PYTHON_PROLOGUE + block)]

    def js(self, block, _line):
        return [self.configuration['gjs'], '-m', self.write('guide.js', JS_PROLOGUE + block)]

    def sh(self, block, _line):
        return ['bash', '-eu', self.write('guide.sh', block)]

    def run(self, section, language, block, line):
        config = self.write('chan.conf', (section.config or '').replace('/run/user/1000', str(self.directory)))
        environment = os.environ | {'CHAN_CONFIG': str(config), 'XDG_RUNTIME_DIR': str(self.directory)}
        command = getattr(self, language)(block, line)
        done = subprocess.run(command, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=TIMEOUT,
                              stdin=subprocess.DEVNULL, check=False)
        wanted = section.output or ''
        if (done.stdout, done.stderr, done.returncode) == (wanted, '', 0):
            return None
        return f'line {line}: status {done.returncode}, expected\n{wanted}but it printed\n{done.stdout}{done.stderr}'


def main():
    configuration, guide, language = json.loads(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    failed = number = 0
    for section in sections(guide.read_text(encoding='utf-8')):
        for kind, block, line in section.blocks:
            if kind != language:
                continue
            number += 1
            with tempfile.TemporaryDirectory(prefix='chan-guide-') as directory:
                complaint = Runner(configuration, guide, directory).run(section, language, block, line)
            failed += complaint is not None
            print('ok' if complaint is None else 'not ok', number, '-', section.title)
            if complaint:
                print('# ' + complaint.rstrip().replace('\n', '\n# '))
    print(f'1..{number}')
    sys.exit(1 if failed or not number else 0)


main()

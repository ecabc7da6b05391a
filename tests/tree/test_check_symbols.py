#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows that build-aux/check-symbols.py finds symbols too many and too few.

usage: test_check_symbols.py CHECK-SYMBOLS.PY COMPILER…
"""

import pathlib
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(sys.argv[1]).resolve()
COMPILER = sys.argv[2:]
HEADER = '''/* CHAN_API void chan_in_a_comment (void); */
#define CHAN_API extern
CHAN_API
G_DECLARE_FINAL_TYPE (ChanThing, chan_thing, CHAN, THING, GObject)
CHAN_API const char *chan_name (void);
'''
LIBRARY = 'int chan_name (void) { return 1; }\nint chan_thing_get_type (void) { return 2; }\n'
HIDDEN = '__attribute__ ((visibility ("hidden"))) int other (void);\nint other (void) { return 3; }\n'
LIST = '# a comment\nchan_name\nchan_thing_get_type\n'
PLUGIN = 'int g_io_one_load (void) { return 1; }\n'

# name of the case: (library, list, header, plugin, exit status, what must be in the message)
CASES = {
    'as it should be': (LIBRARY + HIDDEN, LIST, HEADER, PLUGIN, 0, 'as listed'),
    'exported, not listed': (LIBRARY + 'int chan_new;', LIST, HEADER, PLUGIN, 1, 'chan_new: exported, but not in the list'),
    'listed, not exported': (LIBRARY, LIST + 'chan_gone\n', HEADER, PLUGIN, 1, 'chan_gone: in the list, but not exported'),
    'another prefix': (LIBRARY + 'int xyz;', LIST + 'xyz\n', HEADER, PLUGIN, 1, 'xyz: exported without the prefix'),
    'declared, not listed': (LIBRARY, LIST, HEADER + 'CHAN_API int chan_more (int a);\n', PLUGIN, 1, 'chan_more: declared'),
    'listed, not declared': (LIBRARY, LIST, HEADER.replace('CHAN_API const char *chan_name (void);', ''), PLUGIN, 1,
                             'chan_name: in the list, but no public header'),
    'plugin exports more': (LIBRARY, LIST, HEADER, PLUGIN + 'int chan_x;', 1, 'chan_x: exported by'),
    'plugin exports nothing': (LIBRARY, LIST, HEADER, 'static int x;', 1, 'exports no g_io_'),
}


def compile_library(directory, name, text):
    source = directory / f'{name}.c'
    source.write_text(text)
    library = directory / f'{name}.so'
    subprocess.run([*COMPILER, '-w', '-shared', '-fPIC', '-o', library, source], check=True)
    return library


def run(library, symbols, header, plugin):
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        (directory / 'symbols.txt').write_text(symbols)
        (directory / 'chan.h').write_text(header)
        done = subprocess.run(
            [sys.executable, CHECK, '--list', directory / 'symbols.txt', '--headers', directory,
             '--library', compile_library(directory, 'library', library),
             '--plugin', compile_library(directory, 'plugin', plugin)],
            capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def main():
    print(f'1..{len(CASES)}')
    failed = False
    for number, (case, (library, symbols, header, plugin, status, expected)) in enumerate(CASES.items(), 1):
        code, output = run(library, symbols, header, plugin)
        good = code == status and expected in output
        failed = failed or not good
        print('ok' if good else 'not ok', number, case)
        if not good:
            print(f'# exit status {code}; expected {status} and “{expected}” in:\n#', output.replace('\n', '\n# '))
    sys.exit(1 if failed else 0)


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks what shared libraries export.

usage: check-symbols.py [--update] --list FILE [--headers DIR] --library LIB [--plugin LIB]…

The library exports exactly the names in FILE, all of them chan_*; with --headers, FILE holds exactly what the
headers in DIR declare with CHAN_API. A plugin exports g_io_* only. --update writes FILE from the library.
"""

import argparse
import pathlib
import re
import subprocess
import sys

# Added by compilers and linkers, not by us.
TOOLING = re.compile(r'(__asan_|__odr_asan|__ubsan_|__sanitizer_|__gcov_|__llvm_|__start_|__stop_)|'
                     r'(_init|_fini|_edata|_end|__bss_start)$')


def exported(library):
    output = subprocess.run(['nm', '-D', '--defined-only', '--format=posix', library],
                            check=True, capture_output=True, text=True).stdout
    names = {line.split()[0].split('@')[0] for line in output.splitlines() if line}
    return {name for name in names if not TOOLING.match(name)}


def declared(directories):
    """What the headers in these directories declare with CHAN_API; the G_DECLARE macros declare a *_get_type()."""
    names = set()
    for header in (h for d in directories for h in pathlib.Path(d).glob('*.h')):
        text = re.sub(r'/\*.*?\*/', '', header.read_text(), flags=re.DOTALL)
        text = re.sub(r'^[ \t]*#.*$', '', text, flags=re.MULTILINE)
        for declaration in re.findall(r'\bCHAN_API\b([^;]*?\))', text):
            macro = re.search(r'\bG_DECLARE_\w+\s*\(\s*\w+\s*,\s*(\w+)', declaration)
            function = re.search(r'\b(chan_\w+)\s*\(', declaration)
            if macro:
                names.add(macro.group(1) + '_get_type')
            elif function:
                names.add(function.group(1))
    return names


def read_list(path):
    lines = pathlib.Path(path).read_text().splitlines()
    return {line for line in lines if line and not line.startswith('#')}


def write_list(path, names):
    header = '# SPDX-License-Identifier: LGPL-2.1-or-later\n# Exported by the library; written by check-symbols.py --update.\n'
    pathlib.Path(path).write_text(header + ''.join(f'{name}\n' for name in sorted(names)))


def differences(wanted, found, missing, unexpected):
    return ([f'{name}: {missing}' for name in sorted(wanted - found)] +
            [f'{name}: {unexpected}' for name in sorted(found - wanted)])


def check(arguments):
    found = exported(arguments.library)
    if arguments.update:
        write_list(arguments.list, found)
    wanted = read_list(arguments.list)
    problems = differences(wanted, found, 'in the list, but not exported: removing it breaks programs',
                           'exported, but not in the list: make it hidden, or public with CHAN_API and --update')
    problems += [f'{name}: exported without the prefix chan_' for name in sorted(found) if not name.startswith('chan_')]
    if arguments.headers:
        problems += differences(declared(arguments.headers), wanted, 'declared with CHAN_API, but not in the list',
                                'in the list, but no public header declares it with CHAN_API')
    for plugin in arguments.plugin:
        names = exported(plugin)
        problems += [f'{name}: exported by {plugin}' for name in sorted(names) if not name.startswith('g_io_')]
        if not names:
            problems.append(f'{plugin}: exports no g_io_* function, so that GIO cannot load it')
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--update', action='store_true')
    parser.add_argument('--list', required=True)
    parser.add_argument('--headers', action='append', default=[])
    parser.add_argument('--library', required=True)
    parser.add_argument('--plugin', action='append', default=[])
    problems = check(parser.parse_args())
    print('\n'.join(problems) or 'the exported symbols are as listed')
    sys.exit(1 if problems else 0)


main()

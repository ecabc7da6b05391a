#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds the distribution's own GLib once more, with a sanitizer in it.

usage: build-glib.py DIRECTORY [--sanitize thread]

ThreadSanitizer must see every lock; with a GLib that it does not see into, what a GMutex guards looks like a race.
DIRECTORY/prefix/ gets the result; DIRECTORY/prefix/lib/pkgconfig is what PKG_CONFIG_PATH needs. The source comes with
`apt-get source`, from the mirrors that the system uses; lists and cache are DIRECTORY's own, so that nothing of the
system's configuration changes. Does nothing if it was done.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

# What the tests do not need. Names differ between versions of GLib: those that one does not have are left out.
OPTIONS = {
    'tests': 'false', 'introspection': 'disabled', 'nls': 'disabled', 'selinux': 'disabled', 'libmount': 'disabled',
    'xattr': 'false', 'libelf': 'disabled', 'dtrace': 'false', 'systemtap': 'false', 'man': 'false',
    'gtk_doc': 'false', 'documentation': 'false', 'sysprof': 'disabled',
}


def die(text):
    sys.exit(f'build-glib: {text}')


def run(command, advice, **options):
    """Runs it, its output on our stderr: what it prints is for people."""
    if subprocess.run(command, stdout=sys.stderr, **options).returncode != 0:
        die(f'{command[0]} failed; see above. {advice}')


def source_lists(directory):
    """The system's package sources, as sources of source packages, in a folder of our own."""
    etc = pathlib.Path('/etc/apt')
    ours = directory / 'sources.list.d'
    ours.mkdir(parents=True, exist_ok=True)
    found = [path for path in [etc / 'sources.list', *sorted((etc / 'sources.list.d').glob('*'))]
             if path.suffix in ('.list', '.sources') and path.is_file()]
    for path in found:
        text = path.read_text()
        if path.suffix == '.sources':
            text = re.sub(r'(?mi)^Types:.*$', 'Types: deb-src', text)
        else:
            text = re.sub(r'(?m)^deb-src\s.*\n?', '', text)
            text = re.sub(r'(?m)^deb(?=\s)', 'deb-src', text)
        (ours / path.name).write_text(text)
    if not found:
        die('there are no package sources in /etc/apt: this needs a Debian system, or a GLib built by hand in '
            f'{directory}/prefix')
    return ours


def download(directory):
    """The unpacked source package, with the distribution's patches."""
    if not shutil.which('apt-get') or not shutil.which('dpkg-source'):
        die(f'no apt-get and dpkg-source here. Build GLib by hand, with -Db_sanitize=thread, into {directory}/prefix')
    lists, cache = directory / 'lists', directory / 'cache'
    for path in (lists / 'partial', cache / 'archives' / 'partial'):
        path.mkdir(parents=True, exist_ok=True)
    apt = ['apt-get', '-q', '-o', 'Dir::Etc::SourceList=/dev/null', '-o', f'Dir::State::Lists={lists}',
           '-o', f'Dir::Etc::SourceParts={source_lists(directory)}', '-o', f'Dir::Cache={cache}',
           '-o', 'APT::Sandbox::User=']
    network = 'Is the network up?'
    run([*apt, 'update'], network)
    run([*apt, 'source', '--download-only', 'glib2.0'], network, cwd=directory)
    description = sorted(directory.glob('glib2.0_*.dsc'))[-1]
    source = directory / 'source'
    shutil.rmtree(source, ignore_errors=True)
    run(['dpkg-source', '-x', str(description), str(source)], 'Is there room on the disk?')
    return source


def known_options(source):
    for name in ('meson.options', 'meson_options.txt'):
        if (source / name).exists():
            names = set(re.findall(r"option\('([^']+)'", (source / name).read_text()))
            return [f'-D{name}={value}' for name, value in OPTIONS.items() if name in names]
    die(f'{source} has no Meson options: not the GLib this knows')


def without_assembler(source):
    """Locks in a bit (of GData, and so of weak references) are written in assembler, which no sanitizer sees into."""
    file = source / 'glib' / 'gbitlock.c'
    text, n = re.subn(r'(?m)^\s*#\s*define USE_ASM_GOTO 1$', '', file.read_text())
    if n == 0:
        die(f'{file} is not as expected: what its locks guard will look like races')
    file.write_text(text)


def build(directory, source, sanitizer):
    objects = directory / 'objects'
    shutil.rmtree(objects, ignore_errors=True)
    advice = f'A clean start: rm -rf {directory}'
    # b_lundef: the sanitizer's symbols are in the program, not in the library.
    run(['meson', 'setup', str(objects), str(source), f'--prefix={directory}/prefix', '--libdir=lib',
         '--buildtype=debugoptimized', f'-Db_sanitize={sanitizer}', '-Db_lundef=false', '-Dwerror=false',
         *known_options(source)], advice)
    # GLib runs programs of its own while it builds.
    environment = {**os.environ, 'TSAN_OPTIONS': 'report_bugs=0'}
    run(['ninja', '-C', str(objects)], advice, env=environment)
    run(['meson', 'install', '-C', str(objects), '--no-rebuild', '--quiet'], advice, env=environment)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n')[2].replace('usage: ', ''))
    parser.add_argument('directory', type=pathlib.Path)
    parser.add_argument('--sanitize', default='thread')
    arguments = parser.parse_args()
    directory = arguments.directory.resolve()
    done = directory / 'prefix' / f'built-with-{arguments.sanitize}-2'
    if done.exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    source = download(directory)
    without_assembler(source)
    build(directory, source, arguments.sanitize)
    for leftover in ('objects', 'lists', 'cache'):
        shutil.rmtree(directory / leftover, ignore_errors=True)
    done.touch()


main()

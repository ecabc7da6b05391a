#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the source tree: sizes, licences, who includes whom, words that must not be there.

usage: check-tree.py ROOT [--long]     --long also lists functions of more than 40 lines
"""

import ast
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import check_source as source  # noqa: E402

FILE_LINES = 500
FUNCTION_LINES = 60
FUNCTION_LINES_GOOD = 40
CLASS_INIT_LINES = 120              # tables of properties and signals

# Compiled into the library: knows it, and is known by the one file that registers it.
LINKED_IN_PLUGIN = 'plugins/memory/'
LINKED_IN_BY = ('libchan-glib/chan-transport.c', 'plugins/memory/chan-memory-transport.h')

# Data, not code: no size limit.
DATA_FILES = {'libchan-glib/wire/chan-spdy-dictionary.c'}

# .git is a file in a worktree.
SKIPPED = {'.git', '__pycache__', 'subprojects', 'node_modules'}
BINARY_DIRS = ('tests/vectors/', 'tests/fuzz/corpus/')
SPDX = 'SPDX-License-Identifier: LGPL-2.1-or-later'
SPDX_SUFFIXES = {'.c', '.h', '.py', '.sh', '.build', '.vala', '.js', '.ts', '.go', '.in', '.css'}
SPDX_NAMES = {'dev', 'meson_options.txt', '.ci/run'}

WIRE_HEADERS = {
    'glib.h', 'zlib.h', 'string.h', 'stdint.h', 'stddef.h', 'stdlib.h', 'limits.h', 'float.h', 'math.h', 'errno.h',
    'libchan-glib/chan-error.h', 'libchan-glib/chan-macros.h',
}
WIRE_CORE_HEADERS = {'chan-error.h', 'chan-macros.h'}
# Public headers are those with CHAN_API in them, these, and the one that glib-mkenums makes.
PUBLIC_HEADERS = {f'libchan-glib/{name}.h' for name in ('libchan-glib', 'libchan-glib-plugin', 'chan-types', 'chan-version')}
GENERATED_HEADERS = {'libchan-glib/chan-enum-types.h'}
PUBLIC_PREFIXES = ('glib', 'gio/', 'gmodule', 'json-glib/', 'libchan-glib/')

# In two pieces, so that this file passes its own test.
FORBIDDEN_WORDS = {
    'TO' 'DO': 'do it, or describe it in an issue',
    'FIX' 'ME': 'fix it, or describe it in an issue',
    '/wo' 'rk/': 'a path of one machine',
    'sha' 'red/': 'a path of one machine',
}


def spdx_expected(name, path):
    return path.suffix in SPDX_SUFFIXES or name in SPDX_NAMES or name.startswith('examples/') and path.suffix == ''


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.problems = []
        self.long_functions = []
        self.public = set()

    def problem(self, where, text):
        self.problems.append(f'{where}: {text}')

    def files(self):
        """Every file of the project as (name relative to the root, path)."""
        pending = [self.root]
        while pending:
            for path in sorted(pending.pop().iterdir()):
                name = path.relative_to(self.root).as_posix()
                if path.is_symlink() or path.name in SKIPPED:
                    continue
                if path.is_dir():
                    if not self.is_built(path):
                        pending.append(path)
                elif path.is_file():
                    yield name, path

    def is_built(self, path):
        named = path.parent == self.root and re.match(r'build(-(?!aux$)|$)', path.name)
        return named or (path / 'meson-private').exists()

    def check(self):
        texts = {}
        for name, path in self.files():
            data = path.read_bytes()
            if b'\0' not in data and not name.startswith(BINARY_DIRS):
                texts[name] = data.decode('utf-8', 'replace')
        self.public = {n for n, t in texts.items() if re.fullmatch(r'libchan-glib/[^/]+\.h', n) and 'CHAN_API' in t}
        self.public |= PUBLIC_HEADERS & texts.keys() | GENERATED_HEADERS
        for name, text in texts.items():
            self.check_file(name, text)

    def check_file(self, name, text):
        path = pathlib.PurePosixPath(name)
        self.check_words(name, text)
        if spdx_expected(name, path):
            self.check_licence(name, text)
        if path.suffix in ('.c', '.h', '.py'):
            self.check_size(name, text)
        if path.suffix in ('.c', '.h'):
            self.check_c(name, text)
        elif path.suffix == '.py':
            self.check_python(name, text)

    def check_words(self, name, text):
        if name == 'LICENSE':
            return
        for word, advice in FORBIDDEN_WORDS.items():
            for match in re.finditer(r'(?<![A-Za-z0-9_-])' + re.escape(word), text):
                self.problem(f'{name}:{text.count(chr(10), 0, match.start()) + 1}', f'“{word}”: {advice}')

    def check_licence(self, name, text):
        lines = text.split('\n', 2)
        line = lines[1] if lines[0].startswith('#!') and len(lines) > 1 else lines[0]
        comment = {'.c': f'/* {SPDX} */', '.h': f'/* {SPDX} */'}.get(pathlib.PurePosixPath(name).suffix)
        if comment and line != comment or SPDX not in line:
            self.problem(name, f'the first line is not “{comment or SPDX}”')

    def check_size(self, name, text):
        lines = text.count('\n')
        if lines > FILE_LINES and name not in DATA_FILES:
            self.problem(name, f'{lines} lines; split it ({FILE_LINES} at most)')

    def check_length(self, name, function, line, length):
        limit = CLASS_INIT_LINES if function.endswith('_class_init') else FUNCTION_LINES
        if length > limit:
            self.problem(f'{name}:{line}', f'{function} has {length} lines; split it ({limit} at most)')
        elif length > FUNCTION_LINES_GOOD:
            self.long_functions.append(f'{name}:{line}: {function} has {length} lines')

    def check_python(self, name, text):
        try:
            module = ast.parse(text)
        except SyntaxError as error:
            self.problem(name, f'not Python: {error}')
            return
        for node in ast.walk(module):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.check_length(name, node.name, node.lineno, node.end_lineno - node.lineno + 1)

    def check_c(self, name, text):
        code = source.strip_comments(text)
        for function, line, length in source.functions(text):
            self.check_length(name, function, line, length)
        self.check_pattern(name, code, r'\bgoto\b', 'goto; use g_autoptr() and return')
        if name.startswith(('libchan-glib/', 'plugins/')) and not name.startswith('libchan-glib/tool/'):
            self.check_pattern(name, code, r'\b(g_print(err)?|f?printf|f?puts|putchar|perror)\s*\(',
                               'a library does not print; return a GError, or g_debug()')
        for bracket, header, line in source.includes(text):
            reason = self.bad_include(name, bracket, header)
            if reason:
                self.problem(f'{name}:{line}', f'includes {header}: {reason}')

    def check_pattern(self, name, code, pattern, advice):
        for match in re.finditer(pattern, code):
            self.problem(f'{name}:{code.count(chr(10), 0, match.start()) + 1}', advice)

    def bad_include(self, name, bracket, header):
        """Why `name` may not include `header`, or None."""
        if bracket == '<' and header.startswith('libchan-glib/') and header not in self.public:
            return 'private or not there; <> is for public headers'
        if name.startswith('libchan-glib/wire/'):
            return self.bad_wire_include(bracket, header)
        if name.startswith(LINKED_IN_PLUGIN) or (name, header) == LINKED_IN_BY:
            return None
        if name.startswith('plugins/'):
            return self.bad_plugin_include(name, bracket, header)
        if name.startswith('libchan-glib/'):
            return self.bad_core_include(name, bracket, header)
        return None

    def bad_wire_include(self, bracket, header):
        if bracket == '<':
            return None if header in WIRE_HEADERS else 'the protocol code knows GLib, zlib and the C library only'
        base = header.removeprefix('wire/').removeprefix('../')
        if base in WIRE_CORE_HEADERS or (self.root / 'libchan-glib/wire' / base).is_file():
            return None
        return 'the protocol code knows nothing above it'

    def bad_plugin_include(self, name, bracket, header):
        if bracket == '<':
            return 'plugins do not see the protocol code' if header.startswith('libchan-glib/wire/') else None
        here = self.root / pathlib.PurePosixPath(name).parent
        if '..' not in header and '/' not in header and (here / header).is_file():
            return None
        return 'plugins include <libchan-glib/…> and headers of their own folder'

    def bad_core_include(self, name, bracket, header):
        if 'plugins/' in header or 'tests/' in header or header.startswith('../'):
            return 'the library does not know its plugins or tests'
        if name in self.public and (bracket == '"' or not header.startswith(PUBLIC_PREFIXES)):
            return 'public headers include public headers only, with <>'
        return None


def main():
    arguments = [a for a in sys.argv[1:] if a != '--long']
    if len(arguments) != 1:
        sys.exit(__doc__.strip())
    tree = Tree(arguments[0])
    tree.check()
    if '--long' in sys.argv:
        print('\n'.join(sorted(tree.long_functions)))
    for problem in sorted(tree.problems):
        print(problem)
    print(f'{len(tree.problems)} problems; {len(tree.long_functions)} functions of more than {FUNCTION_LINES_GOOD} lines')
    sys.exit(1 if tree.problems else 0)


main()

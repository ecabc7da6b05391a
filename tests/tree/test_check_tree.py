#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows that build-aux/check-tree.py finds each thing it looks for, and nothing in a good tree."""

import pathlib
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(sys.argv[1]).resolve()
C_LINE = '/* SPDX-License-Identifier: LGPL-2.1-or-later */\n'
HASH_LINE = '# SPDX-License-Identifier: LGPL-2.1-or-later\n'


def function(name, lines):
    """A function in GNU style of so many lines, from its name to its last brace."""
    return f'static int\n{name} (int a,\n{" " * len(name)}  int b)\n{{\n' + '  a += b;\n' * (lines - 5) + '  return a;\n}\n'


GOOD = {
    '.git': 'gitdir: /wo' 'rk/tree\n',
    'meson.build': HASH_LINE,
    'dev': '#!/bin/sh\n' + HASH_LINE,
    'LICENSE': 'any text, even TO' 'DO\n',
    'libchan-glib/chan-macros.h': C_LINE + '#define CHAN_API extern\n',
    'libchan-glib/libchan-glib.h': C_LINE + '#include <libchan-glib/chan-types.h>\n#include <libchan-glib/chan-enum-types.h>\n',
    'libchan-glib/chan-types.h': C_LINE + '#include <gio/gio.h>\n#include <libchan-glib/chan-macros.h>\n',
    'libchan-glib/chan-foo.h': C_LINE + '#include <libchan-glib/chan-types.h>\nCHAN_API void chan_foo (void);\n',
    'libchan-glib/chan-foo-private.h': C_LINE + '#include "chan-foo.h"\n#include "wire/chan-bar.h"\n',
    'libchan-glib/chan-foo.c': C_LINE + '#include "chan-foo-private.h"\n' + function('long_but_legal', 60) +
                               'static const int table[] = {\n' + '  1,\n' * 100 + '};\n'
                               'static const char *text = "goto { printf (";  /* goto, } printf () */\n',
    'libchan-glib/chan-big.c': C_LINE + function('chan_big_class_init', 110),
    'libchan-glib/tool/main.c': C_LINE + '#include <libchan-glib/chan-foo.h>\nstatic void f (void) { g_print ("x"); }\n',
    'libchan-glib/wire/chan-bar.h': C_LINE + '#include <glib.h>\n',
    'libchan-glib/wire/chan-bar.c': C_LINE + '#include "chan-bar.h"\n#include "../chan-error.h"\n#include <zlib.h>\n',
    'libchan-glib/chan-error.h': C_LINE + '#include <glib.h>\n#include <libchan-glib/chan-macros.h>\nCHAN_API int x (void);\n',
    'plugins/one/one.h': C_LINE,
    'plugins/one/one.c': C_LINE + '#include "one.h"\n#include <libchan-glib/chan-foo.h>\n#include <gio/gio.h>\n',
    'tests/t.py': '#!/usr/bin/python3\n' + HASH_LINE,
    'build/generated.c': 'int no_licence;\n',
    'other-name/generated.c': 'int no_licence;\n',
    'other-name/meson-private/coredata.dat': '',
}

BRACES_IN_BRANCHES = (
    'static void\nfirst (void)\n#ifdef A\n{\n  if (1) {\n#else\n{\n  if (2) {\n#endif\n  }\n}\n' + function('second', 61))

# name of the case: (file, its text, what the message must contain)
BAD = {
    'long file': ('libchan-glib/a.c', C_LINE + '\n' * 500, '501 lines'),
    'long header': ('plugins/one/a.h', C_LINE + '\n' * 500, '501 lines'),
    'long script': ('build-aux/a.py', HASH_LINE + '\n' * 500, '501 lines'),
    'long function': ('libchan-glib/a.c', C_LINE + function('too_long', 61), 'too_long has 61 lines'),
    'long function after a table': ('tests/a.c', C_LINE + 'static T t[] = {\n{ 1, "}" },\n};\n' + function('late', 61), 'late has 61'),
    'long function after branches': ('tests/a.c', C_LINE + BRACES_IN_BRANCHES, 'second has 61 lines'),
    'long function after a macro': ('tests/a.c', C_LINE + 'G_DEFINE_TYPE (A, a, B)\n\n' + function('after', 61), 'after has 61'),
    'long function in an extern block': ('tests/a.c', C_LINE + 'G_BEGIN_DECLS\n' + function('inside', 61), 'inside has 61'),
    'long class_init': ('tests/a.c', C_LINE + function('x_class_init', 121), 'x_class_init has 121 lines'),
    'long Python function': ('tests/a.py', HASH_LINE + 'def f():\n' + '    pass\n' * 60, 'f has 61 lines'),
    'goto': ('libchan-glib/a.c', C_LINE + 'void f (void) { goto out; }\n', 'goto'),
    'printing library': ('libchan-glib/a.c', C_LINE + 'void f (void) { g_print ("x"); }\n', 'does not print'),
    'printing plugin': ('plugins/one/a.c', C_LINE + 'void f (void) { fprintf (stderr, "x"); }\n', 'does not print'),
    'no licence in C': ('examples/a.c', 'int x;\n', 'the first line is not'),
    'licence in the second line of C': ('examples/a.c', '\n' + C_LINE, 'the first line is not'),
    'no licence in Python': ('tests/a.py', 'import sys\n', 'the first line is not'),
    'no licence in a shell script': ('tests/a.sh', '#!/bin/sh\necho\n', 'the first line is not'),
    'no licence in Meson': ('tests/meson.build', 'x = 1\n', 'the first line is not'),
    'no licence in Vala': ('tests/a.vala', 'void f () {}\n', 'the first line is not'),
    'no licence in JavaScript': ('tests/a.js', 'print()\n', 'the first line is not'),
    'no licence in dev': ('dev', '#!/bin/sh\n', 'the first line is not'),
    'wire includes GIO': ('libchan-glib/wire/a.c', C_LINE + '#include <gio/gio.h>\n', 'includes gio/gio.h'),
    'wire includes the core': ('libchan-glib/wire/a.c', C_LINE + '#include "chan-foo.h"\n', 'knows nothing above it'),
    'wire includes the core by path': ('libchan-glib/wire/a.c', C_LINE + '#include "../chan-foo-private.h"\n', 'knows nothing above'),
    'wire includes a public header': ('libchan-glib/wire/a.c', C_LINE + '#include <libchan-glib/chan-foo.h>\n', 'includes libchan'),
    'core includes a plugin': ('libchan-glib/a.c', C_LINE + '#include "plugins/one/one.h"\n', 'does not know its plugins'),
    'core includes a plugin by path': ('libchan-glib/a.c', C_LINE + '#include "../plugins/one/one.h"\n', 'does not know its plugins'),
    'plugin includes a private header': ('plugins/one/a.c', C_LINE + '#include <libchan-glib/chan-foo-private.h>\n', 'private'),
    'plugin includes by path': ('plugins/one/a.c', C_LINE + '#include "../../libchan-glib/chan-foo.h"\n', 'own folder'),
    'plugin includes the wire': ('plugins/one/a.c', C_LINE + '#include <libchan-glib/wire/chan-bar.h>\n', 'private'),
    'plugin includes another': ('plugins/two/a.c', C_LINE + '#include "../one/one.h"\n', 'own folder'),
    'public header includes a private one': ('libchan-glib/a.h', C_LINE + '#include "chan-foo-private.h"\nCHAN_API int x;\n', 'public headers'),
    'public header includes a system header': ('libchan-glib/a.h', C_LINE + '#include <zlib.h>\nCHAN_API int x;\n', 'public headers'),
    'build-aux is no build directory': ('build-aux/a.c', 'int x;\n', 'build-aux/a.c: the first line is not'),
    'unfinished code': ('docs/a.md', 'TO' 'DO: write\n', 'describe it in an issue'),
    'broken code': ('tests/a.vala', '// SPDX-License-Identifier: LGPL-2.1-or-later\n// FIX' 'ME\n', 'describe it in an issue'),
    'machine path': ('docs/a.md', 'see /wo' 'rk/main\n', 'path of one machine'),
    'another machine path': ('docs/a.md', 'see sha' 'red/design.md\n', 'path of one machine'),
}


def run(files):
    with tempfile.TemporaryDirectory() as directory:
        for name, text in files.items():
            path = pathlib.Path(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding='utf-8')
        done = subprocess.run([sys.executable, CHECK, directory], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def main():
    print(f'1..{len(BAD) + 1}')
    code, output = run(GOOD)
    failed = code != 0
    print('not ok' if failed else 'ok', 1, 'a good tree')
    if failed:
        print('#', output.replace('\n', '\n# '))
    for number, (case, (name, text, expected)) in enumerate(BAD.items(), 2):
        code, output = run(GOOD | {name: text})
        good = code == 1 and expected in output and '\n1 problems' in '\n' + output
        print('ok' if good else 'not ok', number, case)
        if not good:
            failed = True
            print(f'# exit status {code}; expected “{expected}” in:\n#', output.replace('\n', '\n# '))
    sys.exit(1 if failed else 0)


main()

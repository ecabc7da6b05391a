#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows that check_man.py notices each way in which a manual page can go stale, and nothing in the tree as it is.

usage: test_check_man.py CHECK_MAN ROOT
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

CHECK, ROOT = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
CONF, OVERVIEW, OPTIONS, README = 'docs/man/chan.conf.5', 'docs/man/libchan-glib.7', 'docs/options.md', 'README.md'

# What is changed in which file, and what is said then.
BAD = {
    'default in the document': (OPTIONS, '| 64 | 0 to 1048576 |', '| 65 | 0 to 1048576 |', '.BR Capacity " (" capacity )'),
    'meaning in the page': (CONF, 'How deep the values', 'How high the values', '.BR MaxMessageDepth'),
    'new option': (OPTIONS, '| `mode` |', '| `owner` | `Owner` | | text | | Whose it is. |\n| `mode` |', '.BR Owner " (" owner )'),
    'option that is no more': (CONF, '.BR Backlog', '.BR Backlogs', '.BR Backlog '),
    'order of the options': (OPTIONS, '### Time', '### Times', 'chan.conf.5 is not what docs/options.md says'),
    'key of a group': (CONF, '.B Transports', '.B Schemes', 'does not have Transports'),
    'group': (CONF, '.BI [X\\- ANYTHING ]', '.BI [Y\\- ANYTHING ]', 'does not have [X-ANYTHING]'),
    'example': (OPTIONS, 'KeepaliveSec=5', 'KeepaliveSec=6', 'the example in chan.conf.5'),
    'variable': ('libchan-glib/chan-config-search.c', 'g_getenv ("CHAN_CONFIG")', 'g_getenv ("CHAN_CONFIG") + g_getenv ("CHAN_NEW")',
                 'does not name CHAN_NEW'),
    'transport': (README, '| `memory:NAME` |', '| `pigeon:COOP` | birds |\n| `memory:NAME` |', 'does not have pigeon:'),
    'unknown macro': (CONF, '.SH OPTIONS', '.XX\n.SH OPTIONS', 'groff: '),
    'name': (OVERVIEW, 'libchan\\-glib \\- Go', 'libchan\\-glib, Go', 'NAME is not'),
    'section': (OVERVIEW, '.TH LIBCHAN\\-GLIB 7', '.TH LIBCHAN\\-GLIB 3', 'the second line is not'),
    'other page': (OVERVIEW, '.SH SEE ALSO\n.BR chan.conf (5)', '.SH SEE ALSO\n.BR chan.conf (7)', 'there is no chan.conf(7)'),
}


def check(root):
    done = subprocess.run([sys.executable, '-B', CHECK, root], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def copy_tree(root):
    for name in (OPTIONS, README, CONF, OVERVIEW):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    for folder in ('libchan-glib', 'plugins'):
        shutil.copytree(ROOT / folder, root / folder)


def good(root):
    status, output = check(root)
    assert status == 0 and output == '', output


def notices(root, name, old, new, expected):
    path = root / name
    text = path.read_text(encoding='utf-8')
    assert old in text, f'{name} has no {old!r} any more: change this test'
    try:
        path.write_text(text.replace(old, new, 1), encoding='utf-8')
        status, output = check(root)
    finally:
        path.write_text(text, encoding='utf-8')
    assert status == 1 and expected in output, f'{status}: {output!r} should have {expected!r}'


def updates(root):
    """--update writes what is then found good."""
    page = root / CONF
    text = page.read_text(encoding='utf-8')
    page.write_text(text.replace('.BR Capacity', '.BR Size', 1), encoding='utf-8')
    assert check(root)[0] == 1
    subprocess.run([sys.executable, '-B', CHECK, '--update', root], check=True)
    assert page.read_text(encoding='utf-8') == text


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        copy_tree(root)
        tests = {'tree as it is': lambda: good(root), 'update': lambda: updates(root)}
        tests |= {what: lambda case=case: notices(root, *case) for what, case in BAD.items()}
        print(f'1..{len(tests)}')
        for number, (what, test) in enumerate(tests.items(), 1):
            try:
                test()
                print(f'ok {number} {what}')
            except AssertionError as error:
                failed += 1
                print(f'not ok {number} {what}\n# {error}')
    sys.exit(1 if failed else 0)


main()

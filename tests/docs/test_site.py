#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The documentation site builds and is whole; build-docs.py refuses what gi-docgen warns of, and check_site.py can fail.

usage: test_site.py ROOT FILE.gir FILE.toml GI-DOCGEN
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT, GIR, TOML = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
GI_DOCGEN = sys.argv[4]
CHECK = ROOT / 'tests/docs/check_site.py'

# In one copy of the site: (file, what to replace, by what, what is said then)
BAD = [
    ('README.html', 'href="python.html"', 'href="nosuch.html"', 'README.html: there is no nosuch.html'),
    ('wire.html', 'href="#generation-1"', 'href="#generation-7"', 'wire.html: there is no anchor #generation-7'),
    ('configuration.html', 'href="options.html"', 'href="mailto:x"', "configuration.html: 'mailto:x' is no link"),
    ('gjs.html', 'href="style.css"', 'href="https://example.org/style.css"', 'gjs.html: loads https://example.org/style.css'),
    ('python.html', 'src="main.js"', 'src="nosuch.js"', 'python.html: there is no nosuch.js'),
    ('class.Session.html', 'data-namespace="GObject"', 'data-namespace="Gdk"', 'class.Session.html: urlmap.js does not know Gdk'),
    ('options.html', '<p>', '<p>[text](target) ', 'options.html: Markdown in the text: ](target)'),
    ('configuration.html', '<p>', '<p>[func@Chan.connect] ', 'configuration.html: Markdown in the text: [func@Chan.connect]'),
    ('func.pipe_new.html', 'chan_pipe_new', 'chan_pipe_old', 'chan_pipe_new: its page, func.pipe_new.html, does not have it'),
    ('how-it-works.html', 'href="func.pipe_new.html"', 'href="#"', 'how-it-works.html: no link to chan_pipe_new()'),
    ('index.html', 'href="from-go.html"', 'href="README.html"', 'from-go.md: index.html has no link to it'),
]
GUIDE = ('ten-minutes.md', '`chan_pipe_old()`, `ChanNothing` and `CHAN_NO_SUCH` are no more.\n',
         ['there is no chan_pipe_old', 'there is no ChanNothing', 'there is no CHAN_NO_SUCH'])

# (what, in which file of the builder, pattern, replacement, what is said)
BAD_INPUT = {
    'link to a method that is not there': ('gir', r'\[method@Chan\.Sender\.send\]', '[method@Chan.Sender.sned]',
                                           "Unable to find method 'Chan.Sender.sned'"),
    'symbol without documentation': ('gir', r'(<function name="pipe_new".*?)<doc .*?</doc>', r'\1', "'Chan.pipe_new' at"),
    'guide that is not there': ('toml', '"ten-minutes.md"', '"nosuch.md"', 'there is no nosuch.md'),
}


# Whoever asks the network is told so: nobody listens there.
OFFLINE = {**os.environ, **{f'{scheme}_proxy': 'http://127.0.0.1:9' for scheme in ('http', 'https', 'all')}, 'no_proxy': ''}


def run(*command):
    done = subprocess.run([sys.executable, '-B', *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, env=OFFLINE)
    return done.returncode, done.stdout


def replace(path, old, new):
    text = path.read_text(encoding='utf-8')
    assert old in text, f'{path.name} has no {old!r} any more: change this test'
    path.write_text(text.replace(old, new), encoding='utf-8')


def copy_root(root):
    """The tree, with documents of its own."""
    root.mkdir()
    for name in ('build-aux', 'libchan-glib', 'plugins', 'tests', 'examples'):
        (root / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / 'docs', root / 'docs')


def build(gir, toml, output):
    return run(ROOT / 'build-aux/build-docs.py', '--gi-docgen', GI_DOCGEN, '--config', toml, '--gir', gir, '--root', ROOT, '--output', output)


def finds(site, root):
    """What is wrong when it has all faults: the output of one run."""
    copy_root(root)
    for name, old, new, _expected in BAD:
        replace(site / name, old, new)
    (site / 'method.Sender.send.html').unlink()
    (site / 'orphan.html').write_text('<html><body></body></html>', encoding='utf-8')
    with open(root / 'docs' / GUIDE[0], 'a', encoding='utf-8') as file:
        file.write(GUIDE[1])
    return run(CHECK, root, site, GIR)


def refuses(directory, kind, pattern, replacement, expected):
    files = {'gir': GIR, 'toml': TOML}
    text = files[kind].read_text(encoding='utf-8')
    assert re.search(pattern, text, re.DOTALL), f'no {pattern} any more: change this test'
    changed = directory / files[kind].name
    changed.write_text(re.sub(pattern, replacement, text, count=1, flags=re.DOTALL), encoding='utf-8')
    files[kind] = changed
    status, output = build(files['gir'], files['toml'], directory / 'made')
    assert not (directory / 'made').exists(), 'a site was made'
    return status, output, expected


def results():
    """(what, exit status, output, what is expected of them)."""
    with tempfile.TemporaryDirectory() as name:
        site = pathlib.Path(name) / 'site'
        yield 'builds', *build(GIR, TOML, site), (0, '')
        yield 'is whole', *run(CHECK, ROOT, site, GIR), (0, 'all well')
        status, output = finds(site, pathlib.Path(name) / 'root')
    for expected in [*(case[-1] for case in BAD), *GUIDE[2], 'chan_sender_send: there is no page for it',
                     'orphan.html: no way leads there', 'there is no method.Sender.send.html']:
        yield expected, status, output, (1, expected)
    for what, case in BAD_INPUT.items():
        with tempfile.TemporaryDirectory() as name:
            status, output, expected = refuses(pathlib.Path(name), *case)
        yield what, status, output, (1, expected)


def main():
    number, failed = 0, False
    for number, (what, status, output, expected) in enumerate(results(), 1):
        good = status == expected[0] and expected[1] in output
        failed = failed or not good
        print('ok' if good else 'not ok', number, what)
        if not good:
            print(f'# exit status {status}; expected {expected[0]} and “{expected[1]}” in:\n#', output.replace('\n', '\n# '))
    print(f'1..{number}')
    sys.exit(1 if failed else 0)


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds the documentation site: the reference from the GIR, and the guides, as they stand in the tree, as its pages.

usage: build-docs.py --gi-docgen PROGRAM --config FILE.toml --gir FILE.gir --root ROOT --output DIRECTORY [--depfile FILE]

Warnings of gi-docgen are errors, and nothing is fetched. Links between guides lead to their pages, links to other
files of the tree to a copy in sources/, and what a guide names in code (chan_pipe_new(), Chan.Sender.send) to the
reference.
"""

import argparse
import html
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import site_markdown  # noqa: E402
from gir_pages import CORE, Pages  # noqa: E402

SOURCE_PAGE = '''<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"/><title>{title}</title><link rel="stylesheet" href="{top}style.css"/></head>
<body><div id="body-wrapper"><section id="main" class="content">
<p><a href="{top}index.html">{library}</a></p>
<h1>{title}</h1>
{body}
</section></div></body>
</html>
'''


class Sources:
    """Files of the tree that guides link to, as pages."""

    def __init__(self, root, library):
        self.root = root
        self.library = library
        self.wanted = set()

    def page(self, path):
        """The page of a file or a folder, which is written later."""
        self.wanted.add(path)
        return self.name(path)

    def name(self, path):
        relative = path.relative_to(self.root).as_posix()
        return f'sources/{relative}/index.html' if path.is_dir() else f'sources/{relative}.html'

    def write(self, output):
        pending, done = set(self.wanted), set()
        while pending:
            path = pending.pop()
            done.add(path)
            if path.is_dir():
                inside = sorted(p for p in path.iterdir() if not p.name.startswith(('.', '__pycache__')))
                pending |= set(inside) - done
                items = (f'<li><a href="{p.name}{"/index" if p.is_dir() else ""}.html">{p.name}{"/" if p.is_dir() else ""}</a></li>'
                         for p in inside)
                body = '<ul>\n' + '\n'.join(items) + '\n</ul>'
            else:
                body = f'<pre>{html.escape(path.read_text(encoding="utf-8"), quote=False)}</pre>'
            self.write_page(output, path, body)
        return done

    def write_page(self, output, path, body):
        name = self.name(path)
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        text = SOURCE_PAGE.format(title=html.escape(path.relative_to(self.root).as_posix()), library=self.library, body=body,
                                  top='../' * name.count('/'))
        (output / name).write_text(text, encoding='utf-8')


def guides(root, names):
    """Where the documents of these names are: a guide in docs/, or one of the top."""
    for name in names:
        found = [folder / name for folder in (root / 'docs', root) if (folder / name).is_file()]
        if not found:
            sys.exit(f'there is no {name} in {root}/docs or {root}')
        yield found[0]


def write_gir(source, converter, target):
    tree = ElementTree.parse(source)
    for doc in tree.iter(f'{CORE}doc'):
        doc.text = converter.reference(doc.text)
    tree.write(target, encoding='utf-8', xml_declaration=True)


def run(*command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'{" ".join(map(str, command[:2]))} failed:\n{done.stdout}')


def finish(site, library):
    """What the theme writes that is of no use here."""
    index = site / 'index.html'
    text = index.read_text(encoding='utf-8')
    if not library.get('website_url'):
        text = re.sub(r'^\s*<tr><td><em>(?:Website|Source)</em></td><td><a href="" class="external"></a></td></tr>\n', '', text,
                      flags=re.MULTILINE)
    index.write_text(text.replace('Additional documentation', 'Guides'), encoding='utf-8')
    # A page that is a file cannot fetch another: the index goes into the script.
    search, fetch = site / 'search.js', "fetchJSON('index.json', onDidLoadSearchIndex);"
    script = search.read_text(encoding='utf-8')
    if fetch in script:
        data = (site / 'index.json').read_text(encoding='utf-8')
        search.write_text(script.replace(fetch, f'onDidLoadSearchIndex({data});'), encoding='utf-8')


def build(arguments, output):
    root = arguments.root.resolve()
    config = tomllib.loads(arguments.config.read_text(encoding='utf-8'))
    documents = {path: path.stem + '.html' for path in guides(root, config['extra']['content_files'])}
    sources = Sources(root, config['library']['name'])
    converter = site_markdown.Converter(documents, sources.page, Pages(arguments.gir))
    with tempfile.TemporaryDirectory(prefix='chan-docs-') as name:
        content = pathlib.Path(name)
        for path in documents:
            (content / path.name).write_text(converter.convert(path), encoding='utf-8')
        shutil.copy(root / 'docs' / config['extra']['urlmap_file'], content)
        gir = content / arguments.gir.name
        write_gir(arguments.gir, converter, gir)
        run(arguments.gi_docgen, 'check', '--quiet', '--fatal-warnings', '--config', arguments.config, gir)
        run(arguments.gi_docgen, 'generate', '--quiet', '--fatal-warnings', '--no-namespace-dir', '--config', arguments.config,
            '--content-dir', content, '--output-dir', output, gir)
    finish(output, config['library'])
    read = sources.write(output)
    return set(documents) | {path for path in read if path.is_file()} | {root / 'docs' / config['extra']['urlmap_file']}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--gi-docgen', required=True)
    for name in ('--config', '--gir', '--root', '--output'):
        parser.add_argument(name, required=True, type=pathlib.Path)
    parser.add_argument('--depfile', type=pathlib.Path)
    arguments = parser.parse_args()
    # Its name is that of its index for Devhelp. It appears whole, or not.
    with tempfile.TemporaryDirectory(prefix='.docs-', dir=arguments.output.parent) as name:
        made = pathlib.Path(name) / arguments.output.name
        made.mkdir()
        read = build(arguments, made)
        shutil.rmtree(arguments.output, ignore_errors=True)
        os.rename(made, arguments.output)
    if arguments.depfile:
        escaped = (str(path).replace(' ', r'\ ') for path in sorted(read))
        arguments.depfile.write_text(f'{arguments.output}: {" ".join(escaped)}\n', encoding='utf-8')


main()

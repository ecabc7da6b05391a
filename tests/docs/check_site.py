#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The documentation site is whole: every link of it and every symbol leads somewhere, without a network.

usage: check_site.py ROOT SITE FILE.gir     FILE.gir is the one that the site was made from
"""

import html.parser
import pathlib
import re
import sys
import urllib.parse

sys.dont_write_bytecode = True
ROOT, SITE, GIR = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
sys.path.insert(0, str(ROOT / 'build-aux'))
from gir_pages import Pages  # noqa: E402

INDEX = SITE / 'index.html'
NAMES = re.compile(r'\b(chan_[a-z0-9_]+(?=\(\))|Chan[A-Z]\w+|CHAN_(?!CONFIG|ENDPOINT|\w*MODULE)[A-Z0-9_]+)\b')
VOID = {'meta', 'link', 'img', 'input', 'br', 'hr', 'col', 'wbr'}


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.path = path
        self.anchors, self.links, self.loads, self.namespaces = set(), [], [], set()
        self.text, self.code, self.open = [], [], []
        self.feed(path.read_text(encoding='utf-8'))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if attrs.get('id'):
            self.anchors.add(attrs['id'])
        if tag == 'a' and 'data-namespace' in attrs:
            self.namespaces.add(attrs['data-namespace'])
        elif tag == 'a' and 'href' in attrs:
            self.links.append(attrs['href'])
        elif tag in ('script', 'img', 'iframe') and 'src' in attrs:
            self.loads.append(attrs['src'])
        elif tag == 'link' and attrs.get('rel') == 'stylesheet':
            self.loads.append(attrs['href'])

    def handle_endtag(self, tag):
        while tag in self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        inside = {'code', 'pre', 'script', 'style'} & set(self.open)
        (self.code if inside else self.text).append(data)


def link_problems(pages, page, link):
    parts = urllib.parse.urlsplit(link)
    if parts.scheme in ('http', 'https') or link == 'javascript:void(0)':
        return
    if parts.scheme or parts.netloc or not link:
        yield f'{link!r} is no link'
        return
    target = (page.path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else page.path
    if target not in pages:
        if not target.is_file():
            yield f'there is no {link}'
    elif parts.fragment and parts.fragment not in pages[target].anchors:
        yield f'there is no anchor {link}'


def page_problems(pages, page, namespaces):
    for link in page.links:
        yield from link_problems(pages, page, link)
    for load in page.loads:
        if urllib.parse.urlsplit(load).scheme or load.startswith('//'):
            yield f'loads {load} from the network'
        elif not (page.path.parent / load).is_file():
            yield f'there is no {load}'
    for namespace in sorted(page.namespaces - namespaces):
        yield f'urlmap.js does not know {namespace}'
    if 'sources' not in page.path.relative_to(SITE).parts:
        for mark in re.findall(r'\]\([^)]*\)|```|^\|.*\|$|\[\w+@[^\]]*\]', ''.join(page.text), re.MULTILINE):
            yield f'Markdown in the text: {mark}'


def unreachable(pages):
    pending, seen = [INDEX], {INDEX}
    while pending:
        page = pages[pending.pop()]
        for link in page.links:
            path = urllib.parse.urlsplit(link).path
            target = (page.path.parent / path).resolve()
            if path and target in pages and target not in seen:
                seen.add(target)
                pending.append(target)
    return sorted(set(pages) - seen)


def symbol_problems(pages, reference):
    lines = (ROOT / 'build-aux/symbols.txt').read_text(encoding='utf-8').splitlines()
    for symbol in (line for line in lines if line and not line.startswith('#')):
        page = pages.get(SITE / reference.c.get(symbol, '?'))
        if page is None:
            yield f'{symbol}: there is no page for it'
        elif symbol not in ''.join(page.code) and not symbol.endswith('_get_type'):
            yield f'{symbol}: its page, {page.path.name}, does not have it'


def known_names(reference):
    """Of the reference, and whatever the sources define: guides for those who change the library name that too."""
    text = ''.join(path.read_text(encoding='utf-8') for folder in ('libchan-glib', 'plugins', 'tests', 'examples')
                   for path in (ROOT / folder).rglob('*.[ch]'))
    return set(reference.c) | set(re.findall(r'\b(?:chan|Chan|CHAN)_?\w+', text))


def guide_problems(pages, reference):
    known = known_names(reference)
    linked = {urllib.parse.urlsplit(link).path for link in pages[INDEX].links}
    for guide in sorted((ROOT / 'docs').glob('*.md')):
        if f'{guide.stem}.html' not in linked:
            yield f'{guide.name}: index.html has no link to it'
        for name in sorted(set(NAMES.findall(guide.read_text(encoding='utf-8'))) - known):
            yield f'{guide.name}: there is no {name}'
    if not any(link == reference.c['chan_pipe_new'] for link in pages[SITE / 'how-it-works.html'].links):
        yield 'how-it-works.html: no link to chan_pipe_new()'


def main():
    pages = {path: Page(path) for path in SITE.rglob('*.html')}
    reference = Pages(GIR)
    namespaces = set(re.findall(r"\['(\w+)', 'https://", (SITE / 'urlmap.js').read_text(encoding='utf-8')))
    found = [f'{page.path.relative_to(SITE)}: {problem}' for page in pages.values() for problem in page_problems(pages, page, namespaces)]
    found += [f'{path.relative_to(SITE)}: no way leads there from index.html' for path in unreachable(pages)]
    found += [*symbol_problems(pages, reference), *guide_problems(pages, reference)]
    print('\n'.join(found) or f'{len(pages)} pages, {sum(len(page.links) for page in pages.values())} links: all well')
    sys.exit(bool(found))


main()

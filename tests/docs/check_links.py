#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each link of a document to a file, and to a heading in one, leads somewhere.

usage: check_links.py ROOT
"""

import pathlib
import re
import sys

LINK = re.compile(r'\[[^\]]*\]\((?P<target>[^)\s]+)\)')
CODE = re.compile(r'^```.*?^```$|`[^`\n]*`', re.DOTALL | re.MULTILINE)


def anchors(path):
    """As forges make them from headings."""
    for line in CODE.sub(lambda match: match[0].strip('`') if match[0][1] != '`' else '', path.read_text(encoding='utf-8')).splitlines():
        if line.startswith('#'):
            text = LINK.sub(lambda match: match[0][1:match[0].index(']')], line.lstrip('#')).strip().lower()
            yield re.sub(r'[^\w\- ]', '', text).replace(' ', '-')


def complaints(root):
    documents = [*root.glob('*.md'), *root.glob('docs/*.md'), *root.glob('plugins/*/*.md'), *root.glob('tests/*/*.md')]
    n_links = 0
    for document in documents:
        for match in LINK.finditer(CODE.sub('', document.read_text(encoding='utf-8'))):
            name, _, anchor = match['target'].partition('#')
            if ':' in name:
                continue
            n_links += 1
            target = (document.parent / name).resolve() if name else document
            if not target.exists():
                yield f'{document.relative_to(root)}: there is no {name}'
            elif anchor and target.suffix == '.md' and anchor not in anchors(target):
                yield f'{document.relative_to(root)}: there is no heading #{anchor} in {target.name}'
    if n_links < 20:
        yield f'only {n_links} links were found'


found = list(complaints(pathlib.Path(sys.argv[1]).resolve()))
print('\n'.join(found) or 'all links lead somewhere')
sys.exit(bool(found))

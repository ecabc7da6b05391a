# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guides as gi-docgen takes them.

They are written for forges. gi-docgen's Markdown wants a title on top and an empty line before a list or a table, takes
`@name`, `#Name` and `%NAME` for old marks of gtk-doc, in code too unless it is fenced, and knows other languages.
"""

import re
import unicodedata

FENCE = re.compile(r'^```(\w*)')
LANGUAGES = {'c', 'python', 'js', 'sh', 'ini', 'json', 'xml', 'console', 'vala'}
CODE_SPAN = re.compile(r'(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)', re.DOTALL)
LINK_TARGET = re.compile(r'\]\((?P<target>[^)\s]+)\)')
LIST_ITEM = re.compile(r'^([-*]|\d+\.) ')
C_NAME = re.compile(r'^(chan_[a-z0-9_]+|Chan[A-Z]\w+|CHAN_[A-Z0-9_]+)(?: ?\(.*\))?$', re.DOTALL)
GI_NAME = re.compile(r'^(?:await )?Chan\.([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)(?:\(.*\))?$', re.DOTALL)


def plain(text):
    """A heading without its marks."""
    return re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', text).replace('`', '').strip()


def forge_anchor(text):
    return re.sub(r'[^\w\- ]', '', plain(text).lower()).replace(' ', '-')


def site_anchor(text):
    """As Python's Markdown makes it."""
    text = unicodedata.normalize('NFKD', plain(text)).encode('ascii', 'ignore').decode('ascii')
    return re.sub(r'[-\s]+', '-', re.sub(r'[^\w\s-]', '', text).strip().lower())


def blocks(text):
    """(kind, lines): fence with the language first, code (indented, without the indent), heading, text, empty."""
    lines = re.sub(r'<!--.*?-->\n?', '', text, flags=re.DOTALL).splitlines()
    index, in_list = 0, False
    while index < len(lines):
        line, start = lines[index], index
        fence = FENCE.match(line)
        index += 1
        if fence:
            while lines[index] != '```':
                index += 1
            yield 'fence', [fence[1], *lines[start + 1:index]]
            index += 1
        elif line.startswith('    ') and not in_list:
            while index < len(lines) and (lines[index].startswith('    ') or not lines[index].strip()):
                index += 1
            yield 'code', '\n'.join(line[4:] for line in lines[start:index]).rstrip().split('\n')
            yield 'empty', ['']
        elif not line.strip():
            yield 'empty', [line]
        elif line.startswith('#'):
            in_list = False
            yield 'heading', [line]
        else:
            while index < len(lines) and lines[index].strip() and not lines[index].startswith(('#', '```')):
                index += 1
            in_list = bool(LIST_ITEM.match(line)) or in_list and line.startswith(' ')
            yield 'text', lines[start:index]


class Converter:
    """documents: {path: page}. source_page(path): the page of another file. pages: those of the reference."""

    def __init__(self, documents, source_page, pages):
        self.documents = documents
        self.source_page = source_page
        self.pages = pages
        self.anchors = {path: self.read_anchors(path) for path in documents}

    @staticmethod
    def read_anchors(path):
        headings = [lines[0].lstrip('#') for kind, lines in blocks(path.read_text(encoding='utf-8')) if kind == 'heading']
        return {forge_anchor(heading): site_anchor(heading) for heading in headings}

    def convert(self, path):
        found = list(blocks(path.read_text(encoding='utf-8')))
        title = next(lines[0] for kind, lines in found if kind == 'heading')
        out = [f'Title: {plain(title.lstrip("#"))}', '']
        for kind, lines in found:
            if kind == 'fence':
                out += ['```' + (lines[0] if lines[0] in LANGUAGES else 'text'), *lines[1:], '```']
            elif kind == 'code':
                out += ['```text', *lines, '```']
            elif kind == 'heading':
                out += [self.links(path, lines[0])]
            else:
                out += self.text(path, lines)
        return '\n'.join(out) + '\n'

    def text(self, path, lines):
        if not LIST_ITEM.match(lines[0]) and not lines[0].startswith((' ', '|')):
            first = next((i for i, line in enumerate(lines) if LIST_ITEM.match(line) or line.startswith('|')), 0)
            if first:
                lines = [*lines[:first], '', *lines[first:]]
        text = '\n'.join(lines)
        out, end = [], 0
        for match in CODE_SPAN.finditer(text):
            in_link = re.match(r'[^\[\]]*\]\(', text[match.end():])
            out += [self.links(path, text[end:match.start()]), self.code(match[2].strip(), not in_link)]
            end = match.end()
        return ''.join([*out, self.links(path, text[end:])]).split('\n')

    def reference(self, text):
        """A comment of the sources: it is gi-docgen's already, but for marks in code, and guides are named as files."""
        pages = {path.name: page for path, page in self.documents.items()}
        text = re.sub(r'`[^`\n]*[@#%][^`\n]*`', lambda match: self.code(match[0][1:-1], False), text)
        return re.sub(r'`?\bdocs/([\w-]+\.md)\b`?', lambda match: f'[docs/{match[1]}]({pages[match[1]]})', text)

    def code(self, text, may_link):
        text = text.replace('\\|', '|')
        encoded = re.sub(r'[^A-Za-z0-9\s]', lambda match: f'&#{ord(match[0])};', text)
        code = f'<code>{encoded}</code>'
        page = self.symbol_page(text) if may_link else None
        return f'<a href="{page}">{code}</a>' if page else code

    def symbol_page(self, text):
        c_name, gi_name = C_NAME.match(text), GI_NAME.match(text)
        if c_name:
            return self.pages.c.get(c_name[1])
        return self.pages.gi.get(gi_name[1]) if gi_name else None

    def links(self, path, text):
        return LINK_TARGET.sub(lambda match: f']({self.target(path, match["target"])})', text)

    def target(self, path, target):
        name, _, anchor = target.partition('#')
        if ':' in name:
            return target
        file = (path.parent / name).resolve() if name else path
        if file not in self.documents:
            return self.source_page(file)
        page = self.documents[file] if name else ''
        return page + (f'#{self.anchors[file].get(anchor, anchor)}' if anchor else '')

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the manual pages against docs/options.md, README.md and the sources, and their form with groff.

usage: check_man.py [--update] ROOT     --update writes the options of docs/options.md into chan.conf.5
"""

import os
import pathlib
import re
import subprocess
import sys

OPTION = re.compile(r'^\| `([a-z-]+)` \| `([A-Za-z]+)` \|(.*)\|(.*)\|(.*)\|(.*)\|$')
BEGIN, END = r'.\" options:begin', r'.\" options:end'


def roff(text, literal=False):
    """Plain text as roff: a dash of a name stays a dash."""
    text = text.replace('\\', r'\e')
    return text.replace('-', r'\-') if literal else text


def roff_prose(text):
    """A cell of a table: `code` is bold, a link is its text."""
    text = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', text.strip())
    parts = text.split('`')
    return ''.join(rf'\fB{roff(part, True)}\fR' if i % 2 else roff(part) for i, part in enumerate(parts))


def roff_option(name, key, default, allowed, unit, meaning):
    range_ = roff_prose(allowed) + (f' {unit.strip()}' if unit.strip() else '')
    ending = f'Default: {roff_prose(default)}; allowed: {range_}.' if default.strip() else f'No default; allowed: {range_}.'
    return f'.TP\n.BR {key} " (" {roff(name, True)} )\n{roff_prose(meaning)}\n{ending}\n'


def options_as_roff(document):
    """The tables of docs/options.md, under the headings that stand there."""
    out, heading = [], None
    for line in document.split('\n## Configuration files')[0].splitlines():
        row = OPTION.match(line)
        if line.startswith('### '):
            heading = line[4:]
        elif row:
            if heading:
                out.append(f'.SS {heading}\n')
                heading = None
            out.append(roff_option(*row.groups()))
    return ''.join(out)


def split_page(page):
    """Before, the options, after."""
    before, begin, rest = page.partition(BEGIN)
    line, _, rest = rest.partition('\n')
    options, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f'chan.conf.5 needs the lines {BEGIN} and {END}')
    return before + begin + line + '\n', options, end + after


def words(page):
    """The page without what roff adds, as one line."""
    page = re.sub(r'^\.\\".*\n', '', page, flags=re.MULTILINE)
    page = re.sub(r'^\.(BR|IR|RB|RI|BI|IB) (.*)$', lambda line: line[2].replace(' ', ''), page, flags=re.MULTILINE)
    page = re.sub(r'\\f[BIRP]', '', page).replace(r'\-', '-').replace(r'\~', ' ').replace(r'\e', '\\')
    return re.sub(r'^\.[A-Z]+ ?', '', page, flags=re.MULTILINE)


# --- what is compared: each gives a list of problems ---

def check_options(page, document):
    expected, options = options_as_roff(document), split_page(page)[1]
    if expected.count('\n.BR ') < 30:
        return [f'docs/options.md: only {expected.count(chr(10) + ".BR ")} options were understood']
    missing = sorted(set(expected.split('.TP\n')) - set(options.split('.TP\n')))
    if expected == options:
        return []
    return ['chan.conf.5 is not what docs/options.md says (check_man.py --update writes it): '
            + '; '.join(entry.split('\n')[0] for entry in missing or ['the order'])]


def check_groups(page, document):
    """What stands in the table of groups, keys and all."""
    rows = re.findall(r'^\| `\[([^]]*)\]` \|(.*)\|$', document, re.MULTILINE)
    text = words(page.split('.SS Groups')[-1].split('.SH OPTIONS')[0])
    problems = [] if len(rows) >= 4 else ['docs/options.md: the table of groups was not understood']
    for group, keys in rows:
        wanted = [f'[{group.replace("…", "ANYTHING")}]', *re.findall(r'`([A-Z][a-z]+)`', keys)]
        problems += [f'chan.conf.5 does not have {name}' for name in wanted if name not in text]
    return problems


def check_example(page, document):
    block = re.search(r'## Configuration files\n\n((?:    .*\n|\n)+)', document)
    example = re.search(r'\.\\" example:begin[^\n]*\n\.nf\n(.*?)\.fi\n', page, re.DOTALL)
    if not block or not example:
        return ['there is no example in docs/options.md or in chan.conf.5']
    expected = re.sub(r'^    ', '', block[1], flags=re.MULTILINE).strip()
    return [] if example[1].replace(r'\-', '-').strip() == expected else ['the example in chan.conf.5 is not that of docs/options.md']


def check_environment(page, sources):
    """Each variable that the library and its transports read."""
    variables = set(re.findall(r'g_getenv \("([A-Z_]+)"\)', sources)) | set(re.findall(r'"(CHAN_ENDPOINT_)"', sources))
    if not variables >= {'CHAN_CONFIG', 'CHAN_ENDPOINT_', 'CHAN_MODULE_DIR'}:
        return ['the sources were not understood']
    return [f'libchan-glib.7 does not name {variable}' for variable in sorted(variables) if variable not in words(page)]


def check_schemes(page, readme):
    """Each address in the README's table."""
    rows = re.findall(r'^\| `([a-z]+:).*`.* \|.*\|$', readme, re.MULTILINE)
    if len(rows) < 5:
        return ['README.md: the table of transports was not understood']
    return [f'libchan-glib.7 does not have {scheme}' for scheme in rows if scheme not in words(page)]


def check_form(path):
    """groff says nothing, the name is the file's, and other manual pages are there."""
    groff = ['groff', '-man', '-Tutf8', '-Kutf8', '-ww', '-b', '-z', str(path)]
    done = subprocess.run(groff, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env=os.environ | {'LC_ALL': 'C.UTF-8'})
    problems = [f'{path.name}: groff: {line}' for line in done.stdout.splitlines()]
    page, (name, section) = path.read_text(encoding='utf-8'), path.name.rsplit('.', 1)
    if not re.search(rf'^\.SH NAME\n{re.escape(roff(name, True))} \\- \S', page, re.MULTILINE):
        problems.append(f'{path.name}: NAME is not “{name} \\- …”, as man -k wants it')
    if not page.split('\n')[1].startswith(f'.TH {roff(name.upper(), True)} {section} '):
        problems.append(f'{path.name}: the second line is not .TH {name.upper()} {section}')
    for other, number in re.findall(r'^\.BR ([a-z.\\-]+) \((\d)\)', page, re.MULTILINE):
        if not (path.parent / f'{other.replace(chr(92), "")}.{number}').is_file():
            problems.append(f'{path.name}: there is no {other}({number})')
    return problems


def main():
    update = sys.argv[1:2] == ['--update']
    if len(sys.argv) != 2 + update:
        sys.exit(__doc__.strip())
    root = pathlib.Path(sys.argv[-1])
    conf, overview = root / 'docs/man/chan.conf.5', root / 'docs/man/libchan-glib.7'
    document, readme = ((root / name).read_text(encoding='utf-8') for name in ('docs/options.md', 'README.md'))
    if update:
        before, _, after = split_page(conf.read_text(encoding='utf-8'))
        conf.write_text(before + options_as_roff(document) + after, encoding='utf-8')
    page, sources = conf.read_text(encoding='utf-8'), ''.join(
        path.read_text(encoding='utf-8') for folder in ('libchan-glib', 'plugins') for path in sorted((root / folder).rglob('*.c')))
    problems = check_options(page, document) + check_groups(page, document) + check_example(page, document)
    problems += check_environment(overview.read_text(encoding='utf-8'), sources)
    problems += check_schemes(overview.read_text(encoding='utf-8'), readme)
    problems += check_form(conf) + check_form(overview)
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == '__main__':
    main()

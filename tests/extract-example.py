#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the code between the example marks of a Markdown file into a file of its own.

usage: extract-example.py README.md OUTPUT.c
"""

import pathlib
import re
import sys


def extract(path):
    text = path.read_text(encoding='utf-8')
    found = re.findall(r'<!-- example:begin -->\s*```c\n(.*?)```\s*<!-- example:end -->', text, re.DOTALL)
    if len(found) != 1:
        sys.exit(f'{path}: expected one example between its marks, found {len(found)}')
    line = text.count('\n', 0, text.index('```c\n')) + 2
    return f'#line {line} "{path.name}"\n{found[0]}'


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    pathlib.Path(sys.argv[2]).write_text(extract(pathlib.Path(sys.argv[1])), encoding='utf-8')


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that each block of C, Python or JavaScript in a document stands word for word in one of the sources.

usage: check_quotes.py DOCUMENT.md SOURCE...
"""

import pathlib
import re
import sys


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip())
    document = pathlib.Path(sys.argv[1]).read_text(encoding='utf-8')
    sources = [pathlib.Path(path).read_text(encoding='utf-8') for path in sys.argv[2:]]
    blocks = re.findall(r'^```(?:c|js|python)\n(.*?)^```$', document, re.DOTALL | re.MULTILINE)
    if not blocks:
        sys.exit(f'{sys.argv[1]}: no code in it')
    missing = [block for block in blocks if not any(block in source for source in sources)]
    for block in missing:
        print(f'{sys.argv[1]}: not in the sources:\n{block}')
    sys.exit(1 if missing else 0)


main()

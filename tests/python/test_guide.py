#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The code in a guide, block after block, as one program.

usage: test_guide.py GUIDE.md
"""

import faulthandler
import pathlib
import re
import sys

faulthandler.dump_traceback_later(30, exit=True)
path = pathlib.Path(sys.argv[1])
text = path.read_text(encoding='utf-8')
world = {'__name__': 'guide'}
blocks = list(re.finditer(r'^```python\n(.*?)^```$', text, re.DOTALL | re.MULTILINE))
if len(blocks) < 3:
    sys.exit(f'{path}: hardly any Python in it')
for block in blocks:
    line = text.count('\n', 0, block.start(1))
    exec(compile('\n' * line + block.group(1), str(path), 'exec'), world)   # pylint: disable=exec-used

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reading C source for check-tree.py: what is code, and where functions are."""

import re

_TOKEN = re.compile(
    r'/\*.*?\*/'                    # comment
    r'|//[^\n]*'
    r'|"(?:\\.|[^"\\\n])*"'         # string
    r"|'(?:\\.|[^'\\\n])*'",        # character
    re.DOTALL)


def _blank(match):
    """As many lines as before, and no text."""
    text = match.group(0)
    if text[0] == '"':
        return '""'
    if text[0] == "'":
        return "' '"
    return '\n' * text.count('\n') or ' '


def strip_comments(text):
    """The code without comments and without what is inside strings; lines stay."""
    return _TOKEN.sub(_blank, text)


def strip_directives(code):
    """Without preprocessor lines, and without #else parts, so that braces pair up."""
    out = []
    skipping = []                   # one entry an open #if: inside its second part?
    continued = False
    for line in code.split('\n'):
        directive = re.match(r'\s*#\s*(\w+)', line)
        if directive and not continued:
            name = directive.group(1)
            if name in ('if', 'ifdef', 'ifndef'):
                skipping.append(False)
            elif name in ('else', 'elif') and skipping:
                skipping[-1] = True
            elif name == 'endif' and skipping:
                skipping.pop()
        hidden = continued or directive or any(skipping)
        continued = bool(continued or directive) and line.endswith('\\')
        out.append('' if hidden else line)
    return '\n'.join(out)


_NAME = re.compile(r'\b([A-Za-z_]\w*)\s*\(')
_NOT_A_FUNCTION = re.compile(r'\s*(typedef|struct|union|enum|extern\s*"")\b')
_ATTRIBUTES = re.compile(r'\b(__attribute__|G_GNUC_\w+|CHAN_API|G_DEFINE_\w+|G_DECLARE_\w+)\b')


def _function_name(head):
    """The name, if `head`, which stands before a brace, declares a function."""
    if _NOT_A_FUNCTION.match(head) and ')' not in head:
        return None
    if '=' in re.sub(r'\(.*\)', '', head, flags=re.DOTALL):
        return None
    for match in _NAME.finditer(head):
        if not _ATTRIBUTES.match(match.group(1)):
            return match
    return None


def functions(text):
    """Yields (name, line, length): from the line with the name to the closing brace."""
    code = strip_directives(strip_comments(text))
    depth, start, found = 0, 0, None
    for position, char in enumerate(code):
        if char == '{':
            if depth == 0:
                match = _function_name(code[start:position])
                found = match and (match.group(1), start + match.start())
            depth += 1
        elif char == '}':
            depth -= 1
            if depth == 0:
                if found:
                    first = code.count('\n', 0, found[1]) + 1
                    last = code.count('\n', 0, position) + 1
                    yield found[0], first, last - first + 1
                start, found = position + 1, None
        elif char == ';' and depth == 0:
            start = position + 1


_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(text):
    """Yields (bracket, path, line) of each #include."""
    for match in _INCLUDE.finditer(text):
        yield match.group(1), match.group(2), text.count('\n', 0, match.start()) + 1

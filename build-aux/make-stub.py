#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the stub for Python's type checkers: what the overrides add, as written by hand, and all else from the GIR.

usage: make-stub.py FILE.gir OVERRIDES.pyi OUTPUT.pyi
"""

import ast
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

CORE = '{http://www.gtk.org/introspection/core/1.0}'
GLIB = '{http://www.gtk.org/introspection/glib/1.0}'
INDENT = ' ' * 4

TYPES = {
    'utf8': 'str', 'filename': 'str', 'gboolean': 'bool', 'gdouble': 'float', 'none': 'None', 'gpointer': 'Any', 'GType': 'Any',
    'Gio.AsyncReadyCallback': '_Callback', 'MessageFunc': '_Callback', 'GLib.Quark': 'int', 'Json.Node': 'Any',
    **dict.fromkeys(('gint', 'guint', 'gint8', 'guint8', 'gint16', 'guint16', 'gint32', 'guint32', 'gint64', 'guint64', 'gsize', 'gssize',
                     'gushort', 'gulong'), 'int'),
}
ASYNC_PARAMETERS = 'io_priority: int = ..., cancellable: Gio.Cancellable | None = None'
CALLBACK_PARAMETERS = 'io_priority: int, cancellable: Gio.Cancellable | None, callback: _Callback, *user_data: Any'


# Of boxed types: Python counts its references itself.
LEFT_OUT = ('ref', 'unref')

# --- the GIR -----------------------------------------------------------------------------------------------------


def children(element, *tags):
    """Those that a binding sees."""
    return [child for child in element if child.tag.removeprefix(CORE) in tags and child.get('introspectable') != '0']


def type_of(element, array_type='list'):
    array = element.find(f'{CORE}array')
    if array is not None:
        return f'{array_type}[{type_of(array)}]'
    found = element.find(f'{CORE}type')
    inner = found.findall(f'{CORE}type')
    return f'list[{type_of(found)}]' if inner else TYPES.get(found.get('name'), found.get('name'))


def with_none(element, text):
    return f'{text} | None' if element.get('nullable') == '1' and text != 'Any' else text


def hidden(parameters, result):
    """Indices of parameters that Python does not have: lengths of arrays, and what destroys user data."""
    indices = set()
    for element in [*parameters, result]:
        array = element.find(f'{CORE}array')
        indices.add(int(array.get('length', -1)) if array is not None else -1)
        indices.add(int(element.get('destroy', -1)))
    return indices


def arguments_of(parameters):
    """Nullable ones at the end may be left out; user data is any number of arguments."""
    words, may_be_left_out = [], True
    for parameter in reversed(parameters):
        name, kind = parameter.get('name'), type_of(parameter, 'Sequence')
        if name == 'user_data':
            words.insert(0, '*user_data: Any')
            continue
        may_be_left_out = may_be_left_out and parameter.get('nullable') == '1'
        words.insert(0, f'{name}: {with_none(parameter, kind)}' + (' = None' if may_be_left_out else ''))
    return words


def signature(function):
    """(arguments, result)"""
    holder = function.find(f'{CORE}parameters')
    parameters = holder.findall(f'{CORE}parameter') if holder is not None else []
    result = function.find(f'{CORE}return-value')
    unseen = hidden(parameters, result)
    seen = [parameter for index, parameter in enumerate(parameters) if index not in unseen]
    results = [with_none(result, type_of(result))] + [with_none(parameter, type_of(parameter)) for parameter in seen
                                                      if parameter.get('direction') == 'out']
    if results[0] == 'None' and len(results) > 1:
        del results[0]
    given = [parameter for parameter in seen if parameter.get('direction') != 'out']
    return arguments_of(given), results[0] if len(results) == 1 else f'tuple[{", ".join(results)}]'


def definition(function, owner=None, prefix=''):
    """Lines; owner: 'self', 'cls' or nothing."""
    arguments, result = signature(function)
    decorator = {'cls': ['@classmethod'], '': ['@staticmethod']}.get(owner, [])
    head = f'def {prefix}{function.get("name")}({", ".join(([owner] if owner else []) + arguments)}) -> {result}: ...'
    return [*decorator, head]


def properties(element):
    """The class Props and its use."""
    found = children(element, 'property')
    if not found:
        return []
    lines = ['class Props(GObject.Object.Props):']
    for item in found:
        writable = item.get('writable') == '1' and item.get('construct-only') != '1'
        name, kind = item.get('name').replace('-', '_'), type_of(item)
        # GIR does not say which may be NULL; a text may.
        kind = f'{kind} | None' if kind == 'str' else kind
        lines += [f'{INDENT}{name}: {kind}'] if writable else [f'{INDENT}@property', f'{INDENT}def {name}(self) -> {kind}: ...']
    return [*lines, '@property', 'def props(self) -> Props: ...']


def members(element, have):
    """Lines for what a class, record or interface has and `have` does not."""
    lines = [f'{item.get("name")}: {type_of(item)}' for item in children(element, 'field')
             if element.tag == f'{CORE}record' and item.get('private') != '1']
    lines += properties(element) if 'props' not in have else []
    owners = {'constructor': 'cls', 'function': '', 'method': 'self'}
    for kind, owner in owners.items():
        for function in children(element, kind):
            if function.get('name') not in have and function.get('name') not in LEFT_OUT:
                lines += definition(function, owner)
    for function in children(element, 'virtual-method'):
        if f'do_{function.get("name")}' not in have:
            lines += definition(function, 'self', 'do_')
    if '__init__' not in have and is_made_elsewhere(element):
        lines.append('def __init__(self, _never: Never) -> None: ...')
    return [f'{INDENT}{line}' for line in lines]


def is_made_elsewhere(element):
    """Whether there is no new() without arguments, which is what calling the class does."""
    return element.tag == f'{CORE}class' and element.get('abstract') != '1' and not any(
        function.get('name') == 'new' and function.find(f'{CORE}parameters') is None for function in children(element, 'constructor'))


def base_of(element):
    if element.tag == f'{CORE}interface':
        return 'GObject.GInterface'
    if element.tag == f'{CORE}record':
        return 'GObject.GBoxed' if element.get(f'{GLIB}get-type') else 'GObject.GPointer'
    return element.get('parent')


def enumeration(element):
    base = 'GObject.GEnum' if element.tag == f'{CORE}enumeration' else 'GObject.GFlags'
    return [f'class {element.get("name")}({base}):',
            *(f'{INDENT}{item.get("name").upper()} = {item.get("value")}' for item in element.findall(f'{CORE}member'))]


def declaration(element):
    """Lines for one thing of the namespace."""
    kind = element.tag.removeprefix(CORE)
    if kind in ('enumeration', 'bitfield'):
        return enumeration(element)
    if kind == 'function':
        return definition(element)
    if kind == 'constant':
        return [f'{element.get("name")}: {type_of(element)}']
    return [f'class {element.get("name")}({base_of(element)}):', *(members(element, set()) or [f'{INDENT}...'])]


def things(path):
    """name: element, without what describes classes to C."""
    namespace = ElementTree.parse(path).getroot().find(f'{CORE}namespace')
    kinds = ('class', 'record', 'interface', 'enumeration', 'bitfield', 'function', 'constant')
    return {element.get('name'): element for element in children(namespace, *kinds)
            if element.get(f'{GLIB}is-gtype-struct-for') is None}


# --- what is written by hand -------------------------------------------------------------------------------------


def is_async_call(node):
    return isinstance(node, ast.FunctionDef) and any(isinstance(word, ast.Name) and word.id == 'async_call' for word in node.decorator_list)


def async_call(node, indent):
    """With an awaitable; with a callback by position; with one by its name."""
    given = ', '.join(['self'] * (node.args.args[:1] != [] and node.args.args[0].arg == 'self')
                      + [f'{word.arg}: {ast.unparse(word.annotation)}' for word in node.args.args if word.annotation])
    separator = ', ' if given else ''
    for arguments, result in ((f'{ASYNC_PARAMETERS}, callback: None = None', f'Coroutine[Any, Any, {ast.unparse(node.returns)}]'),
                              (CALLBACK_PARAMETERS, 'None'), (f'{ASYNC_PARAMETERS}, *, callback: _Callback', 'None')):
        yield f'{indent}@overload'
        yield f'{indent}def {node.name}({given}{separator}{arguments}) -> {result}: ...'


def written(node, lines, indent=''):
    """The lines of a node, with each async_call in it made what it stands for."""
    if is_async_call(node):
        yield from async_call(node, indent)
        return
    first = min([node.lineno, *(word.lineno for word in getattr(node, 'decorator_list', []))])
    if not isinstance(node, ast.ClassDef):
        yield from lines[first - 1:node.end_lineno]
        return
    yield from lines[first - 1:node.body[0].lineno - 1 - len(getattr(node.body[0], 'decorator_list', []))]
    for member in node.body:
        yield from written(member, lines, indent + INDENT)


def names_in(node):
    return {member.name for member in node.body if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef))}


def merged(hand, elements):
    """Lines: what is written by hand, each class completed."""
    text = hand.read_text(encoding='utf-8')
    lines, last = text.splitlines(), 0
    for node in ast.parse(text).body:
        first = min([node.lineno, *(word.lineno for word in getattr(node, 'decorator_list', []))])
        yield from lines[last:first - 1]        # comments and empty lines
        yield from written(node, lines)
        last = node.end_lineno
        element = elements.pop(getattr(node, 'name', None), None)
        if isinstance(node, ast.ClassDef) and element is not None:
            yield from members(element, names_in(node))
    for element in elements.values():
        yield ''
        yield from declaration(element)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.splitlines()[-1])
    gir, hand, output = map(pathlib.Path, sys.argv[1:])
    output.write_text('\n'.join(merged(hand, things(gir))) + '\n', encoding='utf-8')


main()

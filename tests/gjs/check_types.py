#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the TypeScript declarations have everything that the GIR has, and nothing else but what the overrides add.

usage: check_types.py FILE.gir FILE.d.ts
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

CORE = '{http://www.gtk.org/introspection/core/1.0}'
CALLABLES = ('method', 'constructor', 'function')

# Links are written in C; references are JavaScript's business; JSON nodes are for those who have json-glib;
# the quark of the errors is channel_error_quark().
LEFT_OUT = re.compile(r'(Link|LinkFlags|LinkInfo|OpenInfo|HandleRef|StreamKind|.*Class|TransportInterface|MessageFunc)$'
                      r'|(Message|Selector)\.(ref|unref)$|Message\.(dup_json_node|new_from_json_node)$'
                      r'|(Operation\.return|Listener\.deliver)_link$|ChannelError\.quark$')
RENAMED = {'Options': 'SessionOptions'}
ADDED = {'double', 'select', 'select_async', 'Message.pack', 'Message.unpack', 'Receiver.messages'}


def gir_names(path):
    namespace = ElementTree.parse(path).getroot().find(f'{CORE}namespace')
    for element in namespace:
        name = element.get('name')
        if name is None or element.get('introspectable') == '0' or LEFT_OUT.match(name):
            continue
        yield RENAMED.get(name, name)
        for member in element:
            inner = f'{name}.{member.get("name")}'
            if member.tag.removeprefix(CORE) in CALLABLES and member.get('introspectable') != '0' and not LEFT_OUT.match(inner):
                yield f'{RENAMED.get(name, name)}.{member.get("name")}'
        if element.tag.removeprefix(CORE) == 'enumeration':
            yield from (f'{name}.{member.get("name").upper()}' for member in element.findall(f'{CORE}member'))


def declared_names(text):
    """Top-level names of the namespace, and those of the members of its classes, interfaces and enums."""
    text = re.sub(r'/\*.*?\*/|//[^\n]*', '', text, flags=re.DOTALL)
    body = text[text.index('namespace Chan {'):]
    for name in re.findall(r'^    (?:function|const) (\w+)', body, re.MULTILINE):
        yield name
    blocks = re.findall(r'^    (class|interface|enum) (\w+)([^{]*)\{(.*?)(?:^    \}| \})$', body, re.MULTILINE | re.DOTALL)
    for kind, name, _bases, members in blocks:
        yield name
        pattern = r'(\w+)' if kind == 'enum' else r'^      (?:static )?(\w+)(?:<[^>]*>)?\('
        owner = 'Transport' if name == 'TransportInterface' else name
        yield from (f'{owner}.{member}' for member in re.findall(pattern, members, re.MULTILINE))


def main():
    gir, types = sys.argv[1:]
    expected = set(gir_names(gir)) | ADDED
    declared = set(declared_names(pathlib.Path(types).read_text(encoding='utf-8')))
    missing = sorted(expected - declared)
    # Types of arguments, constructors and the like are the declarations' own.
    owners = {name for name in expected if '.' not in name}
    extra = sorted(name for name in declared - expected if name.split('.')[0] in owners
                   and name.rpartition('.')[2] not in ('constructor', 'connect', 'new') and '.' in name or name[0].islower() and name not in expected)
    for name in missing:
        print(f'{types}: {name} is missing')
    for name in extra:
        print(f'{types}: {name} does not exist')
    print(f'{len(expected)} names')
    sys.exit(1 if missing or extra else 0)


main()

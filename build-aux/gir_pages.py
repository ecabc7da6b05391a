# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page that gi-docgen makes for each symbol of a GIR."""

import xml.etree.ElementTree as ElementTree

CORE = '{http://www.gtk.org/introspection/core/1.0}'
C = '{http://www.gtk.org/introspection/c/1.0}'
GLIB = '{http://www.gtk.org/introspection/glib/1.0}'

TOP_LEVEL = {'class': 'class', 'interface': 'iface', 'record': 'struct', 'union': 'struct', 'enumeration': 'enum',
             'bitfield': 'flags', 'callback': 'callback', 'constant': 'const', 'alias': 'alias', 'function': 'func'}
MEMBERS = {'constructor': 'ctor', 'method': 'method', 'function': 'type_func', 'virtual-method': 'vfunc',
           'property': 'property', 'glib:signal': 'signal'}


def local(element):
    return element.tag.replace(GLIB, 'glib:').removeprefix(CORE)


class Pages:
    """`c` has C's names, get_type functions and members of enumerations too; `gi` what bindings say after `Chan.`."""

    def __init__(self, path):
        self.c = {}
        self.gi = {}
        self.get_types = set()
        namespace = ElementTree.parse(path).getroot().find(CORE + 'namespace')
        self.name = namespace.get('name')
        structs = {}
        for element in namespace:
            if element.get(GLIB + 'is-gtype-struct-for'):
                structs[element.get(C + 'type')] = element.get(GLIB + 'is-gtype-struct-for')
            elif local(element) in TOP_LEVEL and not element.get('moved-to'):
                self.add(element)
        for name, owner in structs.items():
            self.c[name] = self.gi[owner]

    def add(self, element):
        kind, name = local(element), element.get('name')
        fragment = 'error' if kind == 'enumeration' and element.get(GLIB + 'error-domain') else TOP_LEVEL[kind]
        page = f'{fragment}.{name}.html'
        self.gi[name] = page
        for key in (C + 'identifier', C + 'type', GLIB + 'get-type'):
            if element.get(key):
                self.c[element.get(key)] = page
        if element.get(GLIB + 'get-type'):
            self.get_types.add(element.get(GLIB + 'get-type'))
        for member in element:
            if local(member) == 'member':
                self.c[member.get(C + 'identifier')] = page
                self.gi[f'{name}.{member.get("name").upper()}'] = page
            elif local(member) in MEMBERS and not member.get('moved-to'):
                self.add_member(name, member)

    def add_member(self, owner, member):
        kind, name = local(member), member.get('name')
        page = f'{MEMBERS[kind]}.{owner}.{name}.html'
        if member.get(C + 'identifier'):
            self.c[member.get(C + 'identifier')] = page
        if kind in ('constructor', 'method', 'function'):
            self.gi[f'{owner}.{name}'] = page

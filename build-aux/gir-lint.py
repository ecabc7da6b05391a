#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Finds in a GIR what g-ir-scanner accepts but bindings do not.

usage: gir-lint.py [--allow NAME]… FILE.gir     NAME as in the messages, such as Link.service
"""

import argparse
import keyword
import re
import sys
import xml.etree.ElementTree as ElementTree

CORE = '{http://www.gtk.org/introspection/core/1.0}'
C = '{http://www.gtk.org/introspection/c/1.0}'
GLIB = '{http://www.gtk.org/introspection/glib/1.0}'

CONTAINERS = ('class', 'interface', 'record')
CALLABLES = ('method', 'function', 'constructor')
DOCUMENTED = CONTAINERS + CALLABLES + ('enumeration', 'bitfield', 'callback', 'constant')

# A method with such a name hides GObject's own in Python and JavaScript.
GOBJECT_NAMES = {
    'connect', 'connect_after', 'connect_object', 'disconnect', 'emit', 'notify', 'ref', 'unref', 'ref_sink',
    'freeze_notify', 'thaw_notify', 'bind_property', 'get_property', 'set_property', 'get_data', 'set_data',
    'steal_data', 'run_dispose', 'weak_ref', 'props', 'constructor', 'toString', 'init', 'chain', 'stop_emission',
    'handler_block', 'handler_unblock', 'handler_disconnect', 'force_floating', 'is_floating', 'watch_closure',
}
RESERVED = set(keyword.kwlist) | {
    'default', 'delete', 'function', 'new', 'in', 'out', 'signal', 'lock', 'base', 'yield', 'async', 'throw', 'var',
    'typeof', 'export', 'switch', 'catch', 'owned', 'unowned', 'weak', 'construct', 'delegate', 'namespace', 'using',
}
NUMBERS = re.compile(r'g?(u?int(8|16|32|64)?|u?long|s?size|boolean|float|double|unichar)$')


def local(element):
    return element.tag.removeprefix(CORE)


def type_of(value):
    """The <type> or <array> of a parameter or a return value, and which of the two."""
    for kind in ('array', 'type', 'varargs'):
        found = value.find(CORE + kind)
        if found is not None:
            return kind, found
    return 'none', value


def parameters(function):
    return function.findall(f'{CORE}parameters/{CORE}parameter')


class Lint:
    def __init__(self, namespace, allowed):
        self.namespace = namespace
        self.allowed = allowed
        self.problems = []

    def problem(self, where, text):
        if where not in self.allowed:
            self.problems.append(f'{where}: {text}')

    def check(self):
        structs = {e.get(GLIB + 'type-struct') for e in self.namespace}
        self.check_callables(self.namespace, '')
        for element in self.namespace:
            name = element.get('name', '')
            if local(element) not in DOCUMENTED or name in structs:
                continue
            self.check_docs(element, name)
            if local(element) in CONTAINERS:
                self.check_callables(element, name + '.')
            if element.get(GLIB + 'error-domain') and name == 'Error':
                self.problem(name, 'an error enum called Error is ambiguous in Vala')

    def check_docs(self, element, name):
        if element.get('introspectable') == '0' and local(element) in CALLABLES:
            return
        if element.get('moved-to'):
            return
        if element.find(CORE + 'doc') is None:
            self.problem(name, 'not documented')
        if not element.get('version'):
            self.problem(name, 'no Since:')

    def check_callables(self, container, prefix):
        functions = [f for kind in CALLABLES for f in container.findall(CORE + kind)]
        names = {f.get('name') for f in functions}
        for function in functions:
            name = prefix + function.get('name')
            if prefix:
                self.check_docs(function, name)
            self.check_names(container, function, name, names)
            self.check_parameters(function, name)
        for vfunc in container.findall(CORE + 'virtual-method'):
            self.check_vfunc(vfunc, f'{prefix}{vfunc.get("name")}')
        for member in container.findall(CORE + 'property') + container.findall(GLIB + 'signal'):
            self.check_docs(member, f'{prefix}{member.get("name")}')

    def check_names(self, container, function, name, names):
        own = function.get('name')
        is_object = local(container) in ('class', 'interface')
        if function.get('introspectable') == '0':
            self.problem(name, 'not introspectable')
        if is_object and local(function) == 'method' and own in GOBJECT_NAMES:
            self.problem(name, 'hides a method of GObject')
        if own in RESERVED and local(function) != 'constructor':
            self.problem(name, 'a reserved word of Python, JavaScript or Vala')
        if own.endswith('_async') and own.removesuffix('_async') + '_finish' not in names:
            self.problem(name, 'there is no _finish for it')
        if local(function) == 'constructor' and container.get('abstract') == '1':
            self.problem(name, 'a constructor of an abstract class')

    def check_vfunc(self, vfunc, name):
        name += ' (vfunc)'
        for parameter in parameters(vfunc):
            kind, what = type_of(parameter)
            if kind == 'type' and what.get('name', '').endswith(('Callback', 'Func')):
                self.problem(name, f'{parameter.get("name")} is a callback: JavaScript cannot implement it')
        self.check_parameters(vfunc, name)

    def check_parameters(self, function, name):
        names = {p.get('name') for p in parameters(function)}
        closures = {p.get('closure') for p in parameters(function)} - {None}
        for index, parameter in enumerate(parameters(function)):
            kind, what = type_of(parameter)
            own, ctype = parameter.get('name'), what.get(C + 'type') or ''
            if parameter.get('direction', 'in') == 'in' and kind == 'type':
                self.check_pointer(name, own, what.get('name') or '', ctype)
            if kind == 'type' and f'n_{own}' in names:
                self.problem(name, f'{own} needs (array length=n_{own})')
            if kind == 'type' and what.get('name') == 'GLib.Error' and parameter.get('nullable') == '1':
                self.problem(name, f'{own} is a nullable GError: PyGObject 3.42 rejects None')
            if kind == 'type' and what.get('name') == 'gpointer' and own != 'user_data' and str(index) not in closures:
                self.problem(name, f'{own} is a bare gpointer')
            if kind == 'varargs':
                self.problem(name, 'takes variable arguments')

    def check_pointer(self, name, own, type_name, ctype):
        stars = ctype.count('*')
        if stars >= 2:
            self.problem(name, f'{own}: {ctype} needs (out), (inout) or (array)')
        elif stars == 1 and NUMBERS.match(type_name):
            self.problem(name, f'{own}: {ctype} needs (out), (inout) or (array)')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--allow', action='append', default=[])
    parser.add_argument('gir')
    arguments = parser.parse_args()
    lint = Lint(ElementTree.parse(arguments.gir).getroot().find(CORE + 'namespace'), set(arguments.allow))
    lint.check()
    print('\n'.join(lint.problems) or 'nothing to complain about')
    sys.exit(1 if lint.problems else 0)


main()

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

# A method or a property with such a name hides GObject's own in Python and JavaScript.
GOBJECT_NAMES = {
    'connect', 'connect_after', 'connect_data', 'connect_object', 'connect_object_after', 'disconnect',
    'disconnect_by_func', 'emit', 'emit_stop_by_name', 'notify', 'notify_by_pspec', 'ref', 'unref', 'ref_sink',
    'freeze_notify', 'thaw_notify', 'bind_property', 'bind_property_full', 'get_property', 'get_properties',
    'set_property', 'set_properties', 'get_data', 'set_data', 'steal_data', 'replace_data', 'get_qdata', 'set_qdata',
    'steal_qdata', 'run_dispose', 'weak_ref', 'props', 'constructor', 'toString', 'init', 'chain', 'stop_emission',
    'stop_emission_by_name', 'handler_block', 'handler_block_by_func', 'handler_unblock', 'handler_unblock_by_func',
    'handler_disconnect', 'handler_is_connected', 'block_signal_handler', 'unblock_signal_handler',
    'signal_handlers_block_by_func', 'signal_handlers_unblock_by_func', 'signal_handlers_disconnect_by_func',
    'force_floating', 'is_floating', 'watch_closure', 'get_type', 'set',
}
PYTHON = set(keyword.kwlist)
JAVASCRIPT = {
    'arguments', 'async', 'await', 'break', 'case', 'catch', 'class', 'const', 'continue', 'debugger', 'default', 'delete',
    'do', 'else', 'enum', 'eval', 'export', 'extends', 'false', 'finally', 'for', 'function', 'if', 'implements', 'import',
    'in', 'instanceof', 'interface', 'let', 'new', 'null', 'package', 'private', 'protected', 'public', 'return', 'static',
    'super', 'switch', 'this', 'throw', 'true', 'try', 'typeof', 'var', 'void', 'while', 'with', 'yield',
}
VALA = {
    'abstract', 'as', 'base', 'bool', 'char', 'construct', 'delegate', 'dynamic', 'ensures', 'errordomain', 'extern', 'float',
    'foreach', 'inline', 'int', 'internal', 'is', 'lock', 'long', 'namespace', 'out', 'override', 'owned', 'params',
    'requires', 'sealed', 'short', 'signal', 'sizeof', 'string', 'struct', 'throws', 'unowned', 'using',
    'virtual', 'volatile', 'weak',
}
RESERVED = PYTHON | JAVASCRIPT | VALA
NUMBERS = re.compile(r'g?(u?int(8|16|32|64)?|u?long|s?size|boolean|float|double|unichar)$')


def local(element):
    return element.tag.replace(GLIB, 'glib:').removeprefix(CORE)


def type_of(value):
    """The <type> or <array> of a parameter or a return value, and which of the two."""
    for kind in ('array', 'type', 'varargs'):
        found = value.find(CORE + kind)
        if found is not None:
            return kind, found
    return 'none', value


def parameters(function):
    return function.findall(f'{CORE}parameters/{CORE}parameter')


def doc_of(element):
    doc = element.find(CORE + 'doc')
    return '' if doc is None else doc.text or ''


def says_null(text):
    """Whether a text says that a value may be NULL, and not only that it is with an error."""
    return re.search(r'%?\bNULL\b(?!\s*(?:on|with|if there is) (?:an )?@?error)', text) is not None


class Lint:
    def __init__(self, namespace, allowed):
        self.namespace = namespace
        self.allowed = allowed
        self.callbacks = set()
        self.problems = []

    def problem(self, where, text):
        if where not in self.allowed:
            self.problems.append(f'{where}: {text}')

    def check(self):
        structs = {e.get(GLIB + 'type-struct') for e in self.namespace}
        self.callbacks = {e.get('name') for e in self.namespace if local(e) == 'callback'}
        self.check_callables(self.namespace, '')
        for element in self.namespace:
            name = element.get('name', '')
            if local(element) not in DOCUMENTED or name in structs:
                continue
            self.check_docs(element, name)
            if local(element) in CONTAINERS:
                self.check_callables(element, name + '.')
                self.check_members(element, name)
            if local(element) == 'callback':
                self.check_signature(element, name)
            if element.get(GLIB + 'error-domain') and name == 'Error':
                self.problem(name, 'an error enum called Error is ambiguous in Vala')
            if local(element) in ('enumeration', 'bitfield') and not element.get(GLIB + 'get-type'):
                self.problem(name, 'has no GType: a property of it is of another type')

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
            self.check_names(container, function, name)
            self.check_async(function, name, names)
            self.check_signature(function, name)
        for vfunc in container.findall(CORE + 'virtual-method'):
            self.check_vfunc(vfunc, f'{prefix}{vfunc.get("name")}', names)

    def check_members(self, container, owner):
        """Properties and signals."""
        methods = {method.get('name') for method in container.findall(CORE + 'method')}
        signals = {signal.get('name') for signal in container.findall(GLIB + 'signal')}
        for member in container.findall(CORE + 'property') + container.findall(GLIB + 'signal'):
            own, name = member.get('name').replace('-', '_'), f'{owner}.{member.get("name")}'
            self.check_docs(member, name)
            if own in RESERVED:
                self.problem(name, 'a reserved word of Python, JavaScript or Vala')
            if own in methods:
                self.problem(name, 'there is a method of this name, which hides it in JavaScript')
            if local(member) == 'property':
                if own in GOBJECT_NAMES:
                    self.problem(name, 'hides what GObject has')
                if member.get('name') in signals:
                    self.problem(name, 'there is a signal of this name: Vala cannot tell them apart')
            else:
                self.check_signature(member, f'{name} (signal)')

    def check_names(self, container, function, name):
        own = function.get('name')
        is_object = local(container) in ('class', 'interface')
        if function.get('introspectable') == '0':
            self.problem(name, 'not introspectable')
        if is_object and local(function) == 'method' and own in GOBJECT_NAMES:
            self.problem(name, 'hides a method of GObject')
        if own in RESERVED and local(function) != 'constructor':
            self.problem(name, 'a reserved word of Python, JavaScript or Vala')
        if local(function) == 'constructor' and container.get('abstract') == '1':
            self.problem(name, 'a constructor of an abstract class')

    def check_async(self, function, name, names):
        own = function.get('name')
        types = {(type_of(parameter)[1].get('name') or '').removeprefix('Gio.') for parameter in parameters(function)}
        if own.endswith('_async'):
            if own.removesuffix('_async') + '_finish' not in names:
                self.problem(name, 'there is no _finish for it')
            if 'AsyncReadyCallback' not in types:
                self.problem(name, 'takes no GAsyncReadyCallback')
            if 'Cancellable' not in types:
                self.problem(name, 'takes no GCancellable')
        elif own.endswith('_finish') and 'AsyncResult' in types:
            if own.removesuffix('_finish') + '_async' not in names:
                self.problem(name, 'there is no _async for it')
            if function.get('throws') != '1':
                self.problem(name, 'takes no GError: nobody learns that it was cancelled')

    def check_vfunc(self, vfunc, name, names):
        name += ' (vfunc)'
        invoker = vfunc.get('invoker')
        for parameter in parameters(vfunc):
            if self.is_callback(parameter):
                self.problem(name, f'{parameter.get("name")} is a callback: JavaScript cannot implement it')
        if invoker and invoker not in names:
            self.problem(name, f'its invoker {invoker} is not there')
        self.check_signature(vfunc, name)

    def is_callback(self, parameter):
        name = type_of(parameter)[1].get('name') or ''
        return name in self.callbacks or name.endswith(('Callback', 'Func')) and name[0].isupper()

    def check_signature(self, function, name):
        names = {p.get('name') for p in parameters(function)}
        closures = {p.get('closure') for p in parameters(function)} - {None}
        for index, parameter in enumerate(parameters(function)):
            kind, what = type_of(parameter)
            own, ctype = parameter.get('name'), what.get(C + 'type') or ''
            if own in PYTHON:
                self.problem(name, f'{own} is a keyword of Python')
            if parameter.get('direction', 'in') == 'in' and kind == 'type':
                self.check_pointer(name, own, what.get('name') or '', ctype)
            if kind == 'type' and f'n_{own}' in names:
                self.problem(name, f'{own} needs (array length=n_{own})')
            if local(function) in CALLABLES and what.get('name') == 'GLib.Error' and parameter.get('nullable') == '1':
                self.problem(name, f'{own} is a nullable GError: PyGObject 3.42 rejects None')
            if what.get('name') == 'gpointer' and kind == 'type' and own != 'user_data' and str(index) not in closures:
                self.problem(name, f'{own} is a bare gpointer')
            if kind == 'varargs':
                self.problem(name, 'takes variable arguments')
            if self.is_callback(parameter):
                self.check_callback(function, name, parameter)
            self.check_value(name, own, parameter)
        result = function.find(CORE + 'return-value')
        if result is not None and function.get('introspectable') != '0':
            self.check_result(function, name, result)

    def check_callback(self, function, name, parameter):
        own, scope = parameter.get('name'), parameter.get('scope')
        if local(function) in ('callback', 'glib:signal') or 'DestroyNotify' in type_of(parameter)[1].get('name'):
            return
        if scope is None:
            self.problem(name, f'{own} needs (scope async), (scope call) or (scope notified)')
        if scope == 'notified' and parameter.get('destroy') is None:
            self.problem(name, f'{own} has (scope notified), but no (destroy)')
        if parameter.get('closure') is None:
            self.problem(name, f'{own} needs (closure): it gets no data')

    def check_value(self, name, own, value):
        """What goes for parameters and results alike."""
        kind, what = type_of(value)
        element = what.find(CORE + 'type')
        if kind == 'array' and what.get('length') is None and what.get('fixed-size') is None:
            of_numbers = element is not None and NUMBERS.match(element.get('name') or '') is not None
            # An array of GLib's, such as GByteArray, knows its length.
            if what.get('name') is None and (what.get('zero-terminated') == '0' or of_numbers):
                self.problem(name, f'{own} is an array of no known length')
        if value.get('direction') in (None, 'in') and local(value) == 'parameter':
            nullable = value.get('nullable') == '1' or value.get('allow-none') == '1'
        else:
            nullable = value.get('nullable') == '1' or value.get('optional') == '1'
            if value.get('transfer-ownership') is None:
                self.problem(name, f'{own} needs (transfer)')
            if (what.get('name') in ('utf8', 'filename') and value.get('transfer-ownership') == 'none'
                    and not (what.get(C + 'type') or 'const').startswith('const')):
                self.problem(name, f'{own} is (transfer none), but not const')
        if says_null(doc_of(value)) and not nullable:
            self.problem(name, f'{own} may be NULL, as its text says, but is not (nullable)')

    def check_result(self, function, name, result):
        kind, what = type_of(result)
        if kind == 'type' and what.get('name') == 'gpointer':
            self.problem(name, 'returns a bare gpointer')
        self.check_value(name, 'the result', result)
        if result.get('nullable') == '1' and not says_null(f'{doc_of(result)} {doc_of(function)}'):
            self.problem(name, 'the result is (nullable), but its text does not say when')

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

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows that build-aux/gir-lint.py finds each thing it looks for, and nothing in a good GIR."""

import pathlib
import subprocess
import sys
import tempfile

LINT = pathlib.Path(sys.argv[1]).resolve()
HEAD = '''<?xml version="1.0"?>
<repository version="1.2" xmlns="http://www.gtk.org/introspection/core/1.0"
  xmlns:c="http://www.gtk.org/introspection/c/1.0" xmlns:glib="http://www.gtk.org/introspection/glib/1.0">
<namespace name="Chan" version="1">
'''
TAIL = '</namespace></repository>\n'
DOC = '<doc>Text.</doc>'


def parameter(name, type_name, ctype, attributes='', kind='type'):
    return f'<parameter name="{name}" {attributes}><{kind} name="{type_name}" c:type="{ctype}"/></parameter>'


def callable_(kind, name, parameters='', attributes='version="1.0"', doc=DOC):
    return f'<{kind} name="{name}" {attributes}>{doc}<parameters>{parameters}</parameters></{kind}>'


def class_(content, attributes='version="1.0"', doc=DOC, name='Thing'):
    return f'<class name="{name}" glib:type-struct="ThingClass" {attributes}>{doc}{content}</class>'


def method(name, parameters='', **more):
    return class_(callable_('method', name, parameters, **more))


GOOD = class_(
    callable_('constructor', 'new') +
    callable_('method', 'receive_async', parameter('callback', 'Gio.AsyncReadyCallback', 'GAsyncReadyCallback', 'closure="1"') +
              parameter('user_data', 'gpointer', 'gpointer')) +
    callable_('method', 'receive_finish', parameter('result', 'Gio.AsyncResult', 'GAsyncResult*')) +
    callable_('method', 'take', parameter('message', 'Message', 'ChanMessage**', 'direction="out"') +
              parameter('count', 'gint64', 'gint64*', 'direction="out"') +
              parameter('handles', 'GObject', 'GObject**', kind='array')) +
    callable_('method', 'abort', parameter('reason', 'GLib.Error', 'const GError*')) +
    callable_('virtual-method', 'send', parameter('message', 'Message', 'ChanMessage*'), doc='')
) + '<record name="ThingClass" glib:is-gtype-struct-for="Thing"/>' + callable_('function', 'connect')

BAD = {
    'pointer to pointer': (method('take', parameter('message', 'Message', 'ChanMessage**')), 'message: ChanMessage** needs (out)'),
    'strings without array': (method('take', parameter('names', 'utf8', 'char**')), 'names: char** needs (out)'),
    'pointer to number': (method('ping', parameter('time', 'gint64', 'gint64*')), 'time: gint64* needs (out)'),
    'pointer in a function': (callable_('function', 'make', parameter('a', 'Thing', 'ChanThing**')), 'make: a: ChanThing** needs'),
    'pointer with a count': (method('take', parameter('refs', 'Ref', 'const ChanRef*') + parameter('n_refs', 'gsize', 'gsize')),
                             'refs needs (array length=n_refs)'),
    'callback in a vfunc': (class_(callable_('virtual-method', 'open', parameter('callback', 'Gio.AsyncReadyCallback', 'GAsyncReadyCallback'))),
                            'callback is a callback'),
    'method called connect': (method('connect'), 'hides a method of GObject'),
    'method called notify': (method('notify'), 'hides a method of GObject'),
    'reserved word': (method('yield'), 'a reserved word'),
    'nullable error': (method('fail', parameter('error', 'GLib.Error', 'GError*', 'nullable="1"')), 'nullable GError'),
    'bare pointer': (method('set', parameter('data', 'gpointer', 'gpointer')), 'data is a bare gpointer'),
    'async without finish': (method('go_async'), 'there is no _finish'),
    'async function without finish': (callable_('function', 'go_async'), 'there is no _finish'),
    'undocumented class': (class_('', doc=''), 'Thing: not documented'),
    'undocumented method': (method('go', doc=''), 'Thing.go: not documented'),
    'undocumented function': (callable_('function', 'go', doc=''), 'go: not documented'),
    'undocumented enum': ('<enumeration name="Kind" version="1.0"/>', 'Kind: not documented'),
    'class without Since': (class_('', attributes=''), 'Thing: no Since:'),
    'method without Since': (method('go', attributes=''), 'Thing.go: no Since:'),
    'undocumented signal': (class_('<glib:signal name="closed" version="1.0"/>'), 'Thing.closed: not documented'),
    'property without Since': (class_('<property name="uri"><doc>Text.</doc></property>'), 'Thing.uri: no Since:'),
    'not introspectable': (method('go', attributes='version="1.0" introspectable="0"'), 'Thing.go: not introspectable'),
    'constructor of an abstract class': (class_(callable_('constructor', 'new'), 'version="1.0" abstract="1"'), 'abstract class'),
    'error enum called Error': (f'<enumeration name="Error" version="1.0" glib:error-domain="x">{DOC}</enumeration>', 'ambiguous in Vala'),
    'variable arguments': (callable_('function', 'go', '<parameter name="..."><varargs/></parameter>'), 'variable arguments'),
}


def run(content, *arguments):
    with tempfile.NamedTemporaryFile('w', suffix='.gir') as file:
        file.write(HEAD + content + TAIL)
        file.flush()
        done = subprocess.run([sys.executable, LINT, *arguments, file.name], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def main():
    cases = [('a good GIR', GOOD, 0, 'nothing to complain about', ())]
    cases += [(case, content, 1, expected, ()) for case, (content, expected) in BAD.items()]
    cases.append(('what is allowed', BAD['bare pointer'][0], 0, 'nothing to complain', ('--allow', 'Thing.set')))
    print(f'1..{len(cases)}')
    failed = False
    for number, (case, content, status, expected, arguments) in enumerate(cases, 1):
        code, output = run(content, *arguments)
        good = code == status and expected in output and (not status or output.count('\n') == 1)
        failed = failed or not good
        print('ok' if good else 'not ok', number, case)
        if not good:
            print(f'# exit status {code}; expected “{expected}”, alone, in:\n#', output.replace('\n', '\n# '))
    sys.exit(1 if failed else 0)


main()

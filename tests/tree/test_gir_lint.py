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


CALLBACK = ('callback', 'Gio.AsyncReadyCallback', 'GAsyncReadyCallback')
CANCELLABLE = ('cancellable', 'Gio.Cancellable', 'GCancellable*')
RESULT = ('result', 'Gio.AsyncResult', 'GAsyncResult*')


def parameter(name, type_name, ctype, attributes='', kind='type', doc=''):
    doc = doc and f'<doc>{doc}</doc>'
    if kind == 'array':
        return f'<parameter name="{name}">{doc}<array {attributes}><type name="{type_name}" c:type="{ctype}"/></array></parameter>'
    return f'<parameter name="{name}" {attributes}>{doc}<{kind} name="{type_name}" c:type="{ctype}"/></parameter>'


def returns(type_name, ctype, attributes='transfer-ownership="none"', doc=''):
    doc = doc and f'<doc>{doc}</doc>'
    return f'<return-value {attributes}>{doc}<type name="{type_name}" c:type="{ctype}"/></return-value>'


def callable_(kind, name, parameters='', attributes='version="1.0"', doc=DOC, result=''):
    return f'<{kind} name="{name}" {attributes}>{doc}{result}<parameters>{parameters}</parameters></{kind}>'


def class_(content, attributes='version="1.0"', doc=DOC, name='Thing'):
    return f'<class name="{name}" glib:type-struct="ThingClass" {attributes}>{doc}{content}</class>'


def method(name, parameters='', **more):
    return class_(callable_('method', name, parameters, **more))


def member(kind, name, content='', attributes='version="1.0"'):
    return f'<{kind} name="{name}" {attributes}>{DOC}{content}</{kind}>'


def async_(name, scope='scope="async"', cancellable=True, callback=True, kind='method'):
    """A pair, of which the first may lack something."""
    first = parameter(*CANCELLABLE) if cancellable else ''
    if callback:
        first += parameter(*CALLBACK, f'{scope} closure="2"') + parameter('user_data', 'gpointer', 'gpointer')
    return (callable_(kind, f'{name}_async', first) +
            callable_(kind, f'{name}_finish', parameter(*RESULT), attributes='version="1.0" throws="1"'))


THROWS = 'version="1.0" throws="1"'
FUNC = f'<callback name="Func" version="1.0">{DOC}</callback>'
GOOD = class_(
    callable_('constructor', 'new') + async_('receive') +
    callable_('method', 'take', parameter('message', 'Message', 'ChanMessage**', 'direction="out" transfer-ownership="full"') +
              parameter('count', 'gint64', 'gint64*', 'direction="out" transfer-ownership="full"') +
              parameter('numbers', 'gint', 'gint*', 'length="3"', kind='array') + parameter('n_numbers', 'gsize', 'gsize') +
              parameter('handles', 'GObject', 'GObject**', kind='array')) +
    callable_('method', 'abort', parameter('reason', 'GLib.Error', 'const GError*')) +
    callable_('method', 'watch', parameter('func', 'Func', 'ChanFunc', 'scope="notified" closure="1" destroy="2"') +
              parameter('user_data', 'gpointer', 'gpointer') +
              parameter('destroy', 'GLib.DestroyNotify', 'GDestroyNotify', 'scope="async"')) +
    callable_('method', 'get_name', result=returns('utf8', 'const char*', 'nullable="1" transfer-ownership="none"', 'a name, or %NULL')) +
    callable_('method', 'make', attributes=THROWS, result=returns('Thing', 'ChanThing*', 'transfer-ownership="full"', 'one, or %NULL on error')) +
    callable_('method', 'set_name', parameter('name', 'utf8', 'const char*', 'nullable="1"', doc='a name, or %NULL')) +
    callable_('virtual-method', 'send', parameter('message', 'Message', 'ChanMessage*'), 'invoker="take"', doc='') +
    member('property', 'uri') + member('glib:signal', 'closed')
) + '<record name="ThingClass" glib:is-gtype-struct-for="Thing"/>' + callable_('function', 'connect') + FUNC + callable_(
    'callback', 'Other', parameter('error', 'GLib.Error', 'GError*', 'nullable="1"')) + member(
        'enumeration', 'Kind', attributes='version="1.0" glib:get-type="chan_kind_get_type"')

BAD = {
    'pointer to pointer': (method('take', parameter('message', 'Message', 'ChanMessage**')), 'message: ChanMessage** needs (out)'),
    'strings without array': (method('take', parameter('names', 'utf8', 'char**')), 'names: char** needs (out)'),
    'pointer to number': (method('ping', parameter('time', 'gint64', 'gint64*')), 'time: gint64* needs (out)'),
    'pointer to flag': (method('ping', parameter('late', 'gboolean', 'gboolean*')), 'late: gboolean* needs (out)'),
    'pointer in a function': (callable_('function', 'make', parameter('a', 'Thing', 'ChanThing**')), 'make: a: ChanThing** needs'),
    'pointer with a count': (method('take', parameter('refs', 'Ref', 'const ChanRef*') + parameter('n_refs', 'gsize', 'gsize')),
                             'refs needs (array length=n_refs)'),
    'pointer in a signal': (class_(member('glib:signal', 'closed', f'<parameters>{parameter("a", "gint", "gint*")}</parameters>')),
                            'Thing.closed (signal): a: gint* needs'),
    'pointer in a callback': (callable_('callback', 'Func', parameter('a', 'gint', 'gint*')), 'Func: a: gint* needs'),
    'array of numbers without length': (method('take', parameter('numbers', 'gint', 'gint*', kind='array')), 'numbers is an array of no known'),
    'array that does not end': (method('take', parameter('names', 'utf8', 'char**', 'zero-terminated="0"', kind='array')),
                                'names is an array of no known length'),
    'result without transfer': (method('get', result=returns('Thing', 'ChanThing*', '')), 'the result needs (transfer)'),
    'out without transfer': (method('take', parameter('a', 'Thing', 'ChanThing**', 'direction="out"')), 'a needs (transfer)'),
    'text that is kept, not const': (method('get', result=returns('utf8', 'char*')), 'the result is (transfer none), but not const'),
    'result that may be NULL': (method('get', result=returns('Thing', 'ChanThing*', doc='a thing, or %NULL')), 'the result may be NULL'),
    'result that may be NULL, and on error': (
        method('get', result=returns('Thing', 'ChanThing*', doc='%NULL at the end, and %NULL on error')), 'the result may be NULL'),
    'nullable result, never said': (method('get', result=returns('Thing', 'ChanThing*', 'transfer-ownership="none" nullable="1"', 'a thing')),
                                    'does not say when'),
    'parameter that may be NULL': (method('put', parameter('a', 'Thing', 'ChanThing*', doc='a thing, or NULL')), 'a may be NULL'),
    'bare pointer returned': (method('get', result=returns('gpointer', 'gpointer')), 'returns a bare gpointer'),
    'callback in a vfunc': (class_(callable_('virtual-method', 'open', parameter(*CALLBACK, 'scope="async" closure="0"'))),
                            'callback is a callback'),
    'vfunc with another invoker': (class_(callable_('virtual-method', 'open', attributes='invoker="gone"')), 'its invoker gone is not there'),
    'callback without scope': (class_(async_('go', scope='')), 'callback needs (scope async)'),
    'own callback without scope': (FUNC + method('watch', parameter('func', 'Func', 'ChanFunc', 'closure="1"')), 'func needs (scope async)'),
    'callback without destroy': (FUNC + method('watch', parameter('func', 'Func', 'ChanFunc', 'scope="notified" closure="1"')),
                                 'no (destroy)'),
    'callback without data': (FUNC + method('watch', parameter('func', 'Func', 'ChanFunc', 'scope="call"')), 'func needs (closure)'),
    'method called connect': (method('connect'), 'hides a method of GObject'),
    'method called notify': (method('notify'), 'hides a method of GObject'),
    'method called disconnect': (method('disconnect'), 'hides a method of GObject'),
    'method called get_property': (method('get_property'), 'hides a method of GObject'),
    'property called props': (class_(member('property', 'props')), 'Thing.props: hides what GObject has'),
    'reserved word': (method('yield'), 'a reserved word'),
    'word of Python': (callable_('function', 'import'), 'a reserved word'),
    'word of JavaScript': (method('await'), 'a reserved word'),
    'word of Vala': (method('unowned'), 'a reserved word'),
    'property that is a word': (class_(member('property', 'class')), 'Thing.class: a reserved word'),
    'signal that is a word': (class_(member('glib:signal', 'break')), 'Thing.break: a reserved word'),
    'parameter that is a word': (method('move', parameter('from', 'utf8', 'const char*')), 'from is a keyword of Python'),
    'property and method': (class_(member('property', 'full-name') + callable_('method', 'full_name')),
                            'Thing.full-name: there is a method of this name'),
    'signal and method': (class_(member('glib:signal', 'closed') + callable_('method', 'closed')), 'there is a method of this name'),
    'property and signal': (class_(member('property', 'closed') + member('glib:signal', 'closed')), 'there is a signal of this name'),
    'nullable error': (method('fail', parameter('error', 'GLib.Error', 'GError*', 'nullable="1"')), 'nullable GError'),
    'bare pointer': (method('set_it', parameter('data', 'gpointer', 'gpointer')), 'data is a bare gpointer'),
    'async without finish': (class_(async_('go').replace('go_finish', 'went')), 'there is no _finish'),
    'async function without finish': (async_('go', kind='function').replace('go_finish', 'went'), 'there is no _finish'),
    'finish without async': (method('go_finish', parameter(*RESULT), attributes=THROWS), 'there is no _async'),
    'finish without an error': (class_(async_('go').replace(' throws="1"', '')), 'takes no GError'),
    'async that cannot be cancelled': (class_(async_('go', cancellable=False).replace('closure="2"', 'closure="1"')), 'takes no GCancellable'),
    'async that does not call': (class_(async_('go', callback=False)), 'takes no GAsyncReadyCallback'),
    'undocumented class': (class_('', doc=''), 'Thing: not documented'),
    'undocumented method': (method('go', doc=''), 'Thing.go: not documented'),
    'undocumented function': (callable_('function', 'go', doc=''), 'go: not documented'),
    'undocumented enum': ('<enumeration name="Kind" version="1.0" glib:get-type="x"/>', 'Kind: not documented'),
    'undocumented callback': ('<callback name="Func" version="1.0"/>', 'Func: not documented'),
    'class without Since': (class_('', attributes=''), 'Thing: no Since:'),
    'method without Since': (method('go', attributes=''), 'Thing.go: no Since:'),
    'undocumented signal': (class_('<glib:signal name="closed" version="1.0"/>'), 'Thing.closed: not documented'),
    'property without Since': (class_(member('property', 'uri', attributes='')), 'Thing.uri: no Since:'),
    'enum without a type': (member('enumeration', 'Kind'), 'Kind: has no GType'),
    'flags without a type': (member('bitfield', 'Flags'), 'Flags: has no GType'),
    'not introspectable': (method('go', attributes='version="1.0" introspectable="0"'), 'Thing.go: not introspectable'),
    'constructor of an abstract class': (class_(callable_('constructor', 'new'), 'version="1.0" abstract="1"'), 'abstract class'),
    'error enum called Error': (member('enumeration', 'Error', attributes='version="1.0" glib:error-domain="x" glib:get-type="y"'),
                                'ambiguous in Vala'),
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
    cases.append(('what is allowed', BAD['bare pointer'][0], 0, 'nothing to complain', ('--allow', 'Thing.set_it')))
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

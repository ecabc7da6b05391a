#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares the stub with the library as Python has it, overrides and all: every public name, with its parameters, which
of them may be left out, and what may be None in the end; and no name that there is not.

usage: check_stub.py STUB.pyi
"""

import ast
import inspect
import pathlib
import re
import sys

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, GObject  # noqa: E402

# For annotations only.
ALIASES = {'Handle', 'Value', 'Sendable'}
# What describes classes to C, and what counts references for Python.
LEFT_OUT = re.compile(r'\w+(Class|Interface)|(Message|Selector)\.(ref|unref|copy)|Link\.parent_instance')
# What an interface wants of its implementations Python does not show; attributes of instances are made later.
NOT_SHOWN = re.compile(r'Transport\.do_\w+|Task\.context')
# Of every class, or of no concern to who calls.
DUNDERS = ('__getitem__', '__contains__', '__iter__', '__next__', '__len__', '__aiter__', '__anext__', '__enter__', '__exit__',
           '__aenter__', '__aexit__', '__await__')


def is_public(name):
    return not name.startswith('_') or name in DUNDERS


# --- each as {name: what it is}; a function is (parameters that may not be left out, those that may, or None) -----


def described(function):
    """As PyGObject describes it: name(parameter:type=None, ...) -> result."""
    given, result = re.fullmatch(r'\w+\((.*)\)(?: -> (.*))?', function.__doc__).groups()
    needed, optional = [], []
    for word in given.split(', ') if given else []:
        name = re.match(r'\w+', word)[0]
        if name not in ('self', 'cls', 'user_data'):
            (optional if '=' in word else needed).append(name)
    return needed, optional, bool(result and 'or None' in result)


def inspected(function):
    """As Python knows it; what it gives it does not say."""
    needed, optional = [], []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) and parameter.name not in ('self', 'cls'):
            (needed if parameter.default is parameter.empty else optional).append(parameter.name)
    return needed, optional, None


def runtime_function(value):
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    if type(value).__name__ in ('FunctionInfo', 'VFuncInfo', 'ConstructorInfo'):
        return described(value)
    return inspected(value) if inspect.isfunction(value) else value


def runtime_members(cls):
    members = {}
    for base in reversed(cls.__mro__):
        if base.__module__ in ('gi.repository.Chan', 'gi.overrides.Chan', 'gi.overrides._chan_loop'):
            members.update((name, runtime_function(value)) for name, value in vars(base).items() if is_public(name))
    if isinstance(cls, GObject.GObject.__class__) and issubclass(cls, GObject.Object):
        members.update((f'props.{item.name.replace("-", "_")}', None) for item in cls.list_properties() if item.owner_type == cls.__gtype__)
    if issubclass(cls, (GObject.GEnum, GObject.GFlags)):
        members = {name: value for name, value in members.items() if isinstance(value, int)}
    return members


def runtime():
    names = {}
    for name in filter(is_public, dir(Chan)):
        value = getattr(Chan, name)
        names[name] = runtime_function(value)
        if isinstance(value, type):
            names[name] = type
            names.update((f'{name}.{member}', what) for member, what in runtime_members(value).items())
    return {name: what for name, what in names.items() if not LEFT_OUT.fullmatch(name) and not LEFT_OUT.fullmatch(name.split('.')[0])}


def stub_function(node):
    arguments = node.args
    n_needed = len(arguments.args) - len(arguments.defaults)
    names = [word.arg for word in arguments.args]
    needed, optional = names[:n_needed], names[n_needed:]
    for word, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
        (needed if default is None else optional).append(word.arg)
    return [name for name in needed if name not in ('self', 'cls')], optional, 'None' in ast.unparse(node.returns).split(' | ')[1:]


def stub_members(node, prefix, classes):
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            yield from stub_members(classes[base.id], prefix, classes)
    for item in node.body:
        if isinstance(item, ast.ClassDef) and item.name == 'Props':
            yield from ((f'{prefix}props.{name.rpartition(".")[2]}', None) for name, _what in stub_members(item, '', classes))
        elif isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name != 'props':
            yield prefix + item.name, stub_function(item)
        elif isinstance(item, ast.Assign):
            yield prefix + item.targets[0].id, ast.literal_eval(item.value)
        elif isinstance(item, ast.AnnAssign):
            yield prefix + item.target.id, None


def stub(path):
    tree, names = ast.parse(path.read_text(encoding='utf-8')), {}
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names.setdefault(node.name, stub_function(node))        # the first of overloads
        elif isinstance(node, ast.ClassDef):
            names[node.name] = type
            for name, what in stub_members(node, f'{node.name}.', classes):
                names.setdefault(name, what)
        elif isinstance(node, ast.AnnAssign):
            names[node.target.id] = None
    return {name: what for name, what in names.items() if all(is_public(part) for part in name.split('.'))}


# --- the two together --------------------------------------------------------------------------------------------


def without_names(what):
    return [len(names) for names in what[:2]]


def difference(name, real, said):
    """None: there is none."""
    if not isinstance(real, tuple) or not isinstance(said, tuple):
        is_value = isinstance(real, int) and isinstance(said, int)
        return f'is {real}, not {said}' if is_value and real != said or isinstance(real, tuple) != isinstance(said, tuple) else None
    # Who calls those with underscores, Python itself, gives no names.
    same = without_names(real) == without_names(said) if name.endswith('__') else real[:2] == said[:2]
    if not same:
        return f'has the parameters {real[0]}, optional {real[1]}; not {said[0]}, optional {said[1]}'
    if real[2] is not None and real[2] != said[2]:
        return 'gives None too' if real[2] else 'never gives None'
    return None


def differences(there, declared):
    yield from (f'{name} is missing' for name in sorted(there.keys() - declared.keys()))
    yield from (f'{name} does not exist' for name in sorted(declared.keys() - there.keys() - ALIASES) if not NOT_SHOWN.fullmatch(name))
    for name in sorted(there.keys() & declared.keys()):
        text = difference(name, there[name], declared[name])
        if text is not None:
            yield f'{name} {text}'


def main():
    path = pathlib.Path(sys.argv[1])
    there, declared = runtime(), stub(path)
    found = list(differences(there, declared))
    for text in found:
        print(f'{path}: {text}')
    print(f'{len(there)} names, {sum(isinstance(what, tuple) for what in there.values())} of them functions')
    sys.exit(1 if found else 0)


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library as others get it: installed under a prefix, and used from there only.

usage: test_install.py SOURCE BUILD CONFIGURATION    BUILD is kept, so that the next run is quick;
                                                     CONFIGURATION is JSON, see meson.build
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

HERE = pathlib.Path(__file__).resolve().parent
SOURCE, BUILD = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
CONFIGURATION = json.loads(sys.argv[3])
PREFIX = BUILD / 'prefix'
PYTHON = 'lib/python3/dist-packages'
SITE = 'share/doc/libchan-glib-1'
INCLUDE = PREFIX / 'include/chan-glib-1/libchan-glib'
WARNINGS = ['-Wall', '-Wextra', '-Werror', '-pedantic']
ADDRESSES = ['memory:installed', 'tcp://127.0.0.1:0']

# Nothing of the build tree: no CHAN_MODULE_DIR, no LD_LIBRARY_PATH but the installed one.
environment = {name: value for name, value in os.environ.items()
               if not name.startswith(('CHAN_', 'GI_', 'LD_', 'DESTDIR', 'NINJA', 'MESON')) and name not in ('PYTHONPATH', 'GJS_PATH', 'G_DEBUG')}
environment['XDG_CONFIG_HOME'] = str(BUILD / 'no-config')


class Skip(Exception):
    pass


def run(*command, **more):
    """The output of a command, which must succeed."""
    command = [str(part) for part in command]
    done = subprocess.run(command, env=environment | more, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f'{" ".join(command)} failed with {done.returncode}:\n{done.stdout}')
    return done.stdout


def installed():
    """Paths below the prefix; links are files too."""
    return sorted(path.relative_to(PREFIX).as_posix() for path in PREFIX.rglob('*') if path.is_symlink() or path.is_file())


def pkg_config(*arguments):
    return run('pkg-config', *arguments).split()


def library_dir():
    return pathlib.Path(pkg_config('--variable=libdir', 'libchan-glib-1')[0])


def install():
    """Configures and compiles only what is installed, then installs it."""
    features = [f'-D{name}={"enabled" if CONFIGURATION[name] else "disabled"}' for name in ('tls', 'introspection', 'vapi', 'docs')]
    compiler = {'CC': ' '.join(CONFIGURATION['cc'])}
    configured = BUILD / 'configured'
    if not configured.exists() or configured.read_text() != ' '.join(features):
        shutil.rmtree(BUILD, ignore_errors=True)
        run('meson', 'setup', BUILD, SOURCE, f'--prefix={PREFIX}', '--buildtype=plain', '-Dtests=false',
            f'-Dpython_overrides_dir={PREFIX}/{PYTHON}/gi/overrides',
            f'-Dpython_stubs_dir={PREFIX}/{PYTHON}/gi-stubs/repository', *features, **compiler)
        configured.write_text(' '.join(features))
    run('ninja', '-C', BUILD, '-j2', **compiler)
    shutil.rmtree(PREFIX, ignore_errors=True)
    run('meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet')
    pc = list(PREFIX.rglob('libchan-glib-1.pc'))
    assert len(pc) == 1, pc
    environment['PKG_CONFIG_PATH'] = str(pc[0].parent)
    environment['LD_LIBRARY_PATH'] = str(library_dir())
    environment['GI_TYPELIB_PATH'] = str(library_dir() / 'girepository-1.0')


def public_headers():
    """As build-aux/check-tree.py has it, and the generated one."""
    names = {path.name for path in (SOURCE / 'libchan-glib').glob('*.h') if 'CHAN_API' in path.read_text()}
    return names | {'libchan-glib.h', 'chan-types.h', 'chan-enum-types.h'}


def test_headers_are_the_public_ones():
    there = {path.name for path in INCLUDE.iterdir()}
    assert there == public_headers(), there ^ public_headers()


def test_nothing_else_is_installed():
    lib = library_dir().relative_to(PREFIX).as_posix()
    expected = [f'{lib}/libchan-glib-1.so', f'{lib}/libchan-glib-1.so.0', f'{lib}/libchan-glib-1.so.0.1.0',
                f'{lib}/pkgconfig/libchan-glib-1.pc']
    expected += [f'{lib}/chan-glib-1/transports/libchantransport-{name}.so' for name in CONFIGURATION['transports']]
    expected += [f'include/chan-glib-1/libchan-glib/{name}' for name in public_headers()]
    expected += ['share/dbus-1/interfaces/org.libchan.xml', 'share/man/man5/chan.conf.5', 'share/man/man7/libchan-glib.7']
    expected += [f'share/doc/libchan-glib/dbus/org.example.Echo.{kind}' for kind in ('conf', 'service.in', 'system.service.in')]
    if CONFIGURATION['introspection']:
        expected += [f'{PYTHON}/gi/overrides/{name}.py' for name in (
            'Chan', '_chan_classes', '_chan_loop', '_chan_request', '_chan_select', '_chan_transport', '_chan_values', '_chan_wait')]
        expected += [f'{PYTHON}/gi-stubs/repository/Chan.pyi', f'{lib}/girepository-1.0/Chan-1.typelib', 'share/gir-1.0/Chan-1.gir']
        expected += [f'share/gjs-1.0/overrides/{name}' for name in ('Chan.js', '_chanValues.js', 'Chan.d.ts')]
    if CONFIGURATION['vapi']:
        expected += ['share/vala/vapi/libchan-glib-1.vapi', 'share/vala/vapi/libchan-glib-1.deps']
    there = [name for name in installed() if not name.startswith(f'{SITE}/')]
    assert there == sorted(expected), set(there) ^ set(expected)


def test_documentation_site():
    """As it was built; tests/docs sees to what is in it. Devhelp finds a book by the name of its folder."""
    there = {name.removeprefix(f'{SITE}/') for name in installed() if name.startswith(f'{SITE}/')}
    if not CONFIGURATION['docs']:
        assert not there, there
        return
    assert there >= {'index.html', 'libchan-glib-1.devhelp2', 'ten-minutes.html', 'method.Sender.send.html', 'style.css'}, there
    built = BUILD / 'docs/libchan-glib-1'
    assert there == {path.relative_to(built).as_posix() for path in built.rglob('*') if path.is_file()}


def test_pkg_config():
    run('pkg-config', '--validate', 'libchan-glib-1')
    assert pkg_config('--variable=apiversion', 'libchan-glib-1') == ['1']
    assert pkg_config('--modversion', 'libchan-glib-1') == [CONFIGURATION['version']]
    modules = pathlib.Path(pkg_config('--variable=moduledir', 'libchan-glib-1')[0])
    names = sorted(path.name for path in modules.iterdir())
    assert names == sorted(f'libchantransport-{name}.so' for name in CONFIGURATION['transports']), names


def compile_alone(compiler, language):
    flags = pkg_config('--cflags', 'libchan-glib-1')
    with tempfile.TemporaryDirectory() as directory:
        unit = pathlib.Path(directory) / 'unit.c'
        for header in sorted(public_headers()):
            unit.write_text(f'#include <libchan-glib/{header}>\n#include <libchan-glib/{header}>\nint unit (void);\n')
            run(*compiler, '-x', language, '-fsyntax-only', *WARNINGS, *flags, unit)


def test_each_header_compiles_alone_as_c():
    compile_alone(CONFIGURATION['cc'], 'c')


def test_each_header_compiles_alone_as_cxx():
    if not CONFIGURATION['cxx']:
        raise Skip('no C++ compiler')
    compile_alone(CONFIGURATION['cxx'], 'c++')


def compile_program(directory):
    program = pathlib.Path(directory) / 'program'
    run(*CONFIGURATION['cc'], *WARNINGS, '-o', program, HERE / 'installed-program.c',
        *pkg_config('--cflags', '--libs', 'libchan-glib-1'))
    return program


def assert_greeted(output, addresses):
    for address in addresses:
        assert f'{address}: hello\n' in output, output


def test_program_loads_the_installed_modules():
    with tempfile.TemporaryDirectory() as directory:
        addresses = [*ADDRESSES, f'unix:{directory}/socket']
        output = run(compile_program(directory), *addresses)
    assert_greeted(output, addresses)
    loaded = re.findall('^loaded (.*)$', output, re.MULTILINE)
    assert {pathlib.Path(path).name for path in loaded} >= {'libchantransport-tcp.so', 'libchantransport-unix.so'}, output
    assert all(path.startswith(f'{PREFIX}/') for path in loaded), loaded


def test_program_in_python():
    if not CONFIGURATION['python']:
        raise Skip('no introspection')
    assert_greeted(run(CONFIGURATION['python'], '-B', HERE / 'installed_program.py', *ADDRESSES, PYTHONPATH=f'{PREFIX}/{PYTHON}'), ADDRESSES)


def test_program_in_javascript():
    if not CONFIGURATION['gjs']:
        raise Skip('no introspection, or no gjs')
    output = run(CONFIGURATION['gjs'], '-m', HERE / 'installed-program.js', *ADDRESSES,
                 XDG_DATA_DIRS=f'{PREFIX}/share:/usr/local/share:/usr/share')
    assert_greeted(output, ADDRESSES)


def test_program_in_vala():
    if not CONFIGURATION['vapi'] or not shutil.which('valac'):
        raise Skip('no vapi, or no valac')
    with tempfile.TemporaryDirectory() as directory:
        program = pathlib.Path(directory) / 'program'
        run('valac', '--fatal-warnings', f'--vapidir={PREFIX}/share/vala/vapi', '--pkg', 'libchan-glib-1', '-X', '-w',
            '-o', program, HERE / 'installed-program.vala', CC=CONFIGURATION['cc'][-1])
        assert_greeted(run(program, *ADDRESSES), ADDRESSES)


def test_transport_of_somebody_else():
    """docs/new-transport.md's, with the commands that stand there and nothing but what is installed."""
    text = (SOURCE / 'docs/new-transport.md').read_text(encoding='utf-8')
    commands, = re.findall('^```sh\n(cc .*?)^```', text, re.MULTILINE | re.DOTALL)
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(SOURCE / 'examples/transport/chan-abstract-transport.c', directory)
        compile_program(directory).rename(pathlib.Path(directory) / 'your-program')
        output = run('sh', '-ec', f'cd {directory}\n{commands}')
        assert_greeted(output, ['abstract:greetings'])
        assert f'loaded {directory}/libchantransport-abstract.so\n' in output, output


def main():
    install()
    tests = [(name[5:].replace('_', ' '), test) for name, test in globals().items() if name.startswith('test_')]
    failed = 0
    print(f'1..{len(tests)}')
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
        except Skip as reason:
            print(f'ok {number} {name} # SKIP {reason}')
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f'not ok {number} {name}')
            print(''.join(f'# {line}\n' for line in traceback.format_exc().splitlines()), end='')
        else:
            print(f'ok {number} {name}')
    sys.exit(1 if failed else 0)


main()

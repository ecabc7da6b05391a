#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Seeds the faults of faults.py one by one, and sees that a test fails for each.

usage: run.py [--check] [--write] [--expected] [NAME…]
  --check     only see that each fault still has its place in the source
  --write     put the table into README.md; faults that were not tried now are as they were found last
  --expected  only the tests that are expected to notice: a quick look at a few faults
  NAME…       only these faults

It works on a copy of the tree in build-mutate/. The tests are first run without a fault: what fails then proves
nothing. For each fault the test that is expected to notice runs first, then the others; the first failure decides. A
test that says nothing for much longer than it needs without a fault hangs, which is a failure too.
"""

import argparse
import fcntl
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / 'build-aux')]
import check_source as source  # noqa: E402
from faults import FAULTS  # noqa: E402

WORK = ROOT / 'build-mutate'
TREE, BUILD = WORK / 'tree', WORK / 'build'
BASELINE, RESULTS = WORK / 'baseline.json', WORK / 'results.json'
SUITES = ('core', 'wire', 'conformance', 'interop')
# Of the transport alone: run for its own faults
OWN_SUITES = {'plugins/dbus/': 'dbus'}
# In the order in which they are likely to notice; the rest follows by duration.
FIRST = ('conformance-memory', 'conformance-tcp', 'conformance-pipe')
NOT_USED = ('conformance-unix', 'interop-rawpeer-self')
MIN_SILENCE = 10        # seconds


def path_of(fault):
    return fault.file if fault.file.startswith('plugins/') else f'libchan-glib/{fault.file}'


def suites_of(fault):
    return SUITES + tuple(suite for below, suite in OWN_SUITES.items() if path_of(fault).startswith(below))


def place(fault, text):
    """(start, end) of the fault's text in its file, or None."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    for name, line, length in source.functions(text):
        if name != fault.function:
            continue
        begin, end = starts[line - 1], starts[line - 1 + length]
        if text.count(fault.old, begin, end) == 1:
            start = text.index(fault.old, begin, end)
            return start, start + len(fault.old)
    return None


def check_places():
    lost = [fault for fault in FAULTS
            if place(fault, (ROOT / path_of(fault)).read_text()) is None]
    for fault in lost:
        print(f'{fault.name}: {fault.file}, {fault.function}() does not have this text once:\n{fault.old}')
    if lost:
        sys.exit('Say in tests/mutations/faults.py how the same promise is broken now.')


# --- the copy ---------------------------------------------------------------------


def copy_tree():
    """The tree as it is, committed or not; files that did not change keep their time, so that Ninja sees it."""
    listed = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=ROOT,
                            capture_output=True, check=True).stdout.decode().split('\0')
    names = {name for name in listed if name and (ROOT / name).is_file()}
    for name in names:
        target = TREE / name
        if target.exists() and target.read_bytes() == (ROOT / name).read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    for path in [path for path in TREE.rglob('*') if path.is_file()]:
        if path.relative_to(TREE).as_posix() not in names:
            path.unlink()


def ninja(*targets):
    """Whether it compiles."""
    done = subprocess.run(['nice', 'ninja', '-C', str(BUILD), *targets], capture_output=True, text=True)
    (WORK / 'ninja.log').write_text(done.stdout + done.stderr)
    return done.returncode == 0


def set_up():
    copy_tree()
    if not (BUILD / 'build.ninja').exists():
        # Quick to compile and link; assertions name their lines without debugging information.
        subprocess.run(['meson', 'setup', str(BUILD), str(TREE), '--buildtype=plain', '-Doptimization=0', '-Dtls=disabled',
                        '-Dintrospection=disabled', '-Dvapi=disabled'], check=True, stdout=subprocess.DEVNULL)
    if not ninja():
        sys.exit(f'It does not compile without a fault: {WORK}/ninja.log')


def introspect(what):
    return json.loads(subprocess.run(['meson', 'introspect', what, str(BUILD)], check=True, capture_output=True,
                                     text=True).stdout)


def load_tests():
    files = {target['id']: target['filename'] for target in introspect('--targets')}
    tests = {}
    for test in introspect('--tests'):
        test['suite'] = test['suite'][0].split(':')[-1]
        if test['suite'] not in (*SUITES, *OWN_SUITES.values()) or test['name'] in NOT_USED:
            continue
        test['targets'] = [os.path.relpath(name, BUILD) for depend in test['depends'] for name in files.get(depend, [])
                           if name.startswith(str(BUILD))]
        tests[test['name']] = test
    return tests


# --- a test -----------------------------------------------------------------------


def run_test(test, silence):
    """(why it failed or None, seconds, longest silence)."""
    begin = last = time.monotonic()
    longest, text = 0.0, b''
    process = subprocess.Popen(['nice', *test['cmd']], cwd=test['workdir'] or BUILD, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True,
                               env={**os.environ, **test['env'], 'PYTHONUNBUFFERED': '1'})
    while True:
        ready = select.select([process.stdout], [], [], max(silence - (time.monotonic() - last), 0))[0]
        now = time.monotonic()
        longest = max(longest, now - last)
        if not ready:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f'hangs after {last_case(text)}', now - begin, longest
        data = os.read(process.stdout.fileno(), 65536)
        last = now
        if not data:
            break
        text += data
    code = process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)      # what it left behind
    except ProcessLookupError:
        pass
    return (describe(text, code) if code != 0 or b'\nnot ok' in text else None), now - begin, longest


def last_case(text):
    cases = re.findall(r'^ok\s+(?:\d+\s+)?(?:- )?(.+)', text.decode('utf-8', 'replace'), re.MULTILINE)
    return cases[-1] if cases else 'its start'


def describe(text, code):
    """Which case failed: what it says itself, or where GLib's assertion stands."""
    output = text.decode('utf-8', 'replace')
    failed = re.search(r'^not ok\s+(?:\d+\s+)?(?:- )?(\S+)', output, re.MULTILINE)
    if failed:
        return failed.group(1)
    failed = re.search(r'^Bail out! ERROR:(?:.*/)?([^:/]+):\d+:(\w+): ', output, re.MULTILINE)
    if failed:
        return f'{failed.group(2)}() in {failed.group(1)}'
    failed = re.search(r'^Bail out! (.{1,100})', output, re.MULTILINE)
    return failed.group(1) if failed else f'status {code} after {last_case(text)}'


def measure(tests):
    """How long each test takes, and is silent, without a fault."""
    baseline = {}
    for name, test in tests.items():
        why, seconds, longest = run_test(test, 120)
        if why:
            sys.exit(f'{name} fails without a fault: {why}')
        baseline[name] = {'seconds': seconds, 'silence': max(MIN_SILENCE, 4 * longest)}
        print(f'{name}: {seconds:.1f} s', flush=True)
    return baseline


# --- a fault ----------------------------------------------------------------------


def order(fault, tests, baseline):
    suites = suites_of(fault)
    rest = sorted((name for name in tests if tests[name]['suite'] in suites), key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), baseline[name]['seconds']))
    return sorted(rest, key=lambda name: name != fault.expect)


def try_fault(fault, tests, baseline):
    """(the test that failed, its case) or None."""
    path = TREE / path_of(fault)
    text = path.read_text()
    start, end = place(fault, text)
    path.write_text(text[:start] + fault.new + text[end:])
    try:
        for name in order(fault, tests, baseline):
            if not ninja(*tests[name]['targets']):
                sys.exit(f'{fault.name} does not compile: {WORK}/ninja.log')
            why = run_test(tests[name], baseline[name]['silence'])[0]
            # Not the expected one: it might be chance, so it has to fail twice.
            if why and (name == fault.expect or run_test(tests[name], baseline[name]['silence'])[0]):
                return name, why
        return None
    finally:
        path.write_text(text)


def table(results):
    lines = ['# Mutations', '',
             'What `./dev mutate` found: each row is a fault that was put into the library on purpose, and the test that',
             'failed because of it. The faults are in [faults.py](faults.py); `./dev mutate --write` makes this file.', '',
             '| fault | what is broken | caught by | case | time, s |', '|---|---|---|---|---|']
    for fault in FAULTS:
        found, seconds = results.get(fault.name, (('not tried yet', ''), 0))
        caught, case = found or ('**nobody**', '')
        lines.append(f'| {fault.name} | {fault.what} | {caught} | {case.replace("|", " ")} | {seconds:.0f} |')
    n = sum(results.get(fault.name, (None, 0))[0] is not None for fault in FAULTS)
    lines += ['', f'{n} of {sum(fault.name in results for fault in FAULTS)} that were tried were caught. The time is that of compiling and of all tests up to the failure.', '']
    return '\n'.join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true')
    parser.add_argument('--write', action='store_true')
    parser.add_argument('--expected', action='store_true')
    parser.add_argument('names', nargs='*')
    arguments = parser.parse_args()
    check_places()
    if arguments.check:
        return
    unknown = set(arguments.names) - {fault.name for fault in FAULTS}
    if unknown:
        sys.exit(f'no such fault: {", ".join(sorted(unknown))}')
    WORK.mkdir(exist_ok=True)
    with open(WORK / 'lock', 'w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit('Another run uses build-mutate/')
        seed(arguments)


def seed(arguments):
    set_up()
    tests = load_tests()
    tried = [fault.name for fault in FAULTS if not arguments.names or fault.name in arguments.names]
    baseline = json.loads(BASELINE.read_text()) if arguments.names and BASELINE.exists() else {}
    if arguments.expected:
        tests = {name: tests[name] for name in {fault.expect for fault in FAULTS if fault.name in tried}}
        baseline = measure(tests)
    elif set(baseline) != set(tests):
        baseline = measure(tests)
        BASELINE.write_text(json.dumps(baseline, indent=1))
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for fault in FAULTS:
        if fault.name not in tried:
            continue
        begin = time.monotonic()
        found = try_fault(fault, tests, baseline)
        seconds = time.monotonic() - begin
        results[fault.name] = (found, seconds)
        RESULTS.write_text(json.dumps(results, indent=1))
        print(f'{fault.name}: {" ".join(found) if found else "SURVIVED"}, {seconds:.0f} s', flush=True)
    if arguments.write:
        (HERE / 'README.md').write_text(table(results))
    survived = [name for name in tried if results[name][0] is None]
    if survived:
        sys.exit(f'{len(survived)} of {len(tried)} survived: {", ".join(survived)}')
    print(f'all {len(tried)} were caught')


main()

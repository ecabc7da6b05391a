#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a small dict costs in Python: over a channel, through Gio.DBusConnection, and in a bare C call.

usage: ./dev run tests/bench/bench-python.py [--messages N] [--soak N] [--check]

All are measured in turn, ROUNDS times, so that what else runs on the machine disturbs each alike; the ratios are those
of the medians, of the time that passes and of the processor time of all threads. D-Bus is peer to peer, over a socket
pair as the session is: no bus daemon. --soak sends N messages, and N once more while calls are cancelled at random, and
prints the memory as it goes; a message that is lost, doubled or out of order is an error. --check fails if a message
costs more than a third of what it costs over D-Bus, a request more than three quarters, or if memory grows. A request
is a quarter to a third in a release build on an idle machine; but most of it is the way through the kernel and the
interpreter's lock, which both have, and where tests run that has been half.
"""

import argparse
import concurrent.futures
import contextlib
import pathlib
import queue
import random
import socket
import statistics
import sys
import threading
import time

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, Gio, GLib  # noqa: E402

ROUNDS = 5
CANCELLED = object()
VALUE = {'name': 'sensor', 'value': 21.5, 'count': 7}
TYPES = {'name': 's', 'value': 'd', 'count': 'i'}
PATH, INTERFACE = '/org/libchan/Bench', 'org.libchan.Bench'
NODE = ('<node><interface name="org.libchan.Bench"><method name="Send"><arg type="a{sv}" direction="in"/>'
        '</method></interface></node>')


def connections():
    return [Gio.Socket.new_from_fd(end.detach()).connection_factory_create_connection() for end in socket.socketpair()]


class Channel:
    """Each message is sent and taken as a dict; two sessions over a socket pair."""

    def __init__(self):
        here, there = connections()
        self.sessions = [Chan.Session.new_for_stream(here, Chan.SessionRole.CLIENT),
                         Chan.Session.new_for_stream(there, Chan.SessionRole.SERVER)]
        self.sender = self.sessions[0].open_channel('bench')
        self.receiver = self.sessions[1].accept_channel()

    def run(self, count):
        sent = threading.Thread(target=lambda: [self.sender.send(VALUE) for _ in range(count)])
        sent.start()
        for _ in range(count):
            assert self.receiver.receive().unpack()['count'] == 7
        sent.join()


class Request(Channel):
    """Each is answered."""

    def run(self, count):
        def serve():
            for _ in range(count):
                with self.receiver.receive()['R'] as reply:
                    reply.send({'ok': True})

        server = threading.Thread(target=serve)
        server.start()
        for _ in range(count):
            assert self.sender.request(VALUE, 'R')['ok']
        server.join()


class BareRequest(Channel):
    """The same by bare calls of C with messages that are there, and without looking into them: as cheap as it gets."""

    def run(self, count):
        answer, question = Chan.Message({'ok': True}), Chan.Message(VALUE)
        lookup, close, send = Chan.Message.lookup_handle, Chan.Sender.close, Chan.Sender.send_until
        receive, request = Chan.Receiver.receive_until, Chan.Sender.request_until

        def serve():
            for _ in range(count):
                reply = lookup(receive(self.receiver, 0, None), 'R')
                send(reply, answer, 0, None)
                close(reply)

        server = threading.Thread(target=serve)
        server.start()
        for _ in range(count):
            request(self.sender, question, 'R', 0, None)
        server.join()


class DBus:
    """A method call with the dict, without and with waiting for its answer; the same variants, built and unpacked."""

    def __init__(self):
        here, there = connections()
        guid = Gio.dbus_generate_guid()
        self.taken = threading.Semaphore(0)
        ready = threading.Event()
        threading.Thread(target=self.serve, args=(there, guid, ready), daemon=True).start()
        self.client = Gio.DBusConnection.new_sync(here, None, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
        ready.wait()

    def serve(self, stream, guid, ready):
        context = GLib.MainContext.new()
        context.push_thread_default()
        self.server = Gio.DBusConnection.new_sync(stream, guid, Gio.DBusConnectionFlags.AUTHENTICATION_SERVER, None, None)
        info = Gio.DBusNodeInfo.new_for_xml(NODE).interfaces[0]
        self.server.register_object(PATH, info, self.called, None, None)
        ready.set()
        GLib.MainLoop.new(context, False).run()

    def called(self, _connection, _sender, _path, _interface, _method, arguments, invocation):
        assert arguments.unpack()[0]['count'] == 7
        invocation.return_value(None)
        self.taken.release()

    def arguments(self):
        return GLib.Variant('(a{sv})', ({key: GLib.Variant(TYPES[key], value) for key, value in VALUE.items()},))

    def run(self, count):
        for _ in range(count):
            self.client.call(None, PATH, INTERFACE, 'Send', self.arguments(), None, Gio.DBusCallFlags.NONE, -1, None, None)
        for _ in range(count):
            self.taken.acquire()


class DBusCall(DBus):
    def run(self, count):
        for _ in range(count):
            self.client.call_sync(None, PATH, INTERFACE, 'Send', self.arguments(), None, Gio.DBusCallFlags.NONE, -1, None)


class Pipe:
    """A dict inside the process."""

    def __init__(self):
        self.sender, self.receiver = Chan.pipe_new(64)

    def run(self, count):
        for _ in range(count):
            self.sender.send(VALUE)
            assert self.receiver.receive().unpack()['count'] == 7


class Bare(Pipe):
    """The same two calls of C, with a message that is there: what is left is PyGObject's cost of two calls."""

    def run(self, count):
        message = Chan.Message(VALUE)
        for _ in range(count):
            self.sender.try_send(message)
            self.receiver.try_receive()


def measure(count):
    jobs = {'channel': Channel(), 'D-Bus': DBus(), 'request': Request(), 'D-Bus call': DBusCall(), 'bare request': BareRequest(),
            'pipe': Pipe(), 'bare calls': Bare()}
    times = {name: ([], []) for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            started, used = time.perf_counter(), time.process_time()
            job.run(count)
            times[name][0].append((time.perf_counter() - started) / count * 1e6)
            times[name][1].append((time.process_time() - used) / count * 1e6)
    return [{name: statistics.median(values[i]) for name, values in times.items()} for i in (0, 1)]


def ratios_of(times):
    return {'channel': times['channel'] / times['D-Bus'], 'request': times['request'] / times['D-Bus call']}


def resident_kib():
    for line in pathlib.Path('/proc/self/status').read_text(encoding='ascii').splitlines():
        if line.startswith('VmRSS:'):
            return int(line.split()[1])
    raise AssertionError('no VmRSS')


def send_all(sender, count, call):
    for number in range(count):
        while call(lambda cancellable: sender.send({**VALUE, 'number': number}, cancellable=cancellable)) is CANCELLED:
            pass
    sender.close()


def take_all(receiver, count, call, steps=10):
    """KiB resident after each tenth. Asserts that each message came once, and in order."""
    curve, expected = [], 0
    while True:
        message = call(lambda cancellable: receiver.receive(cancellable=cancellable))
        if message is CANCELLED:
            continue
        if message is None:
            assert expected == count, f'{expected} of {count} came'
            return curve
        number = message['number']
        assert number == expected, f'{number} came instead of {expected}'
        expected += 1
        if expected % (count // steps) == 0:
            curve.append(resident_kib())


class Cancelling:
    """Some calls are cancelled before they begin, some by another thread in the middle or after their end."""

    def __init__(self):
        self.cancelled, self.calls = 0, queue.SimpleQueue()
        self.thread = threading.Thread(target=lambda: [cancellable.cancel() for cancellable in iter(self.calls.get, None)])
        self.thread.start()

    def close(self):
        self.calls.put(None)
        self.thread.join()

    def __call__(self, method):
        chance, cancellable = random.random(), Gio.Cancellable()
        if chance < 0.1:
            cancellable.cancel()
        elif chance > 0.8:
            self.calls.put(cancellable)
        try:
            return method(cancellable)
        except GLib.Error as error:
            assert error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED), error
            self.cancelled += 1
            return CANCELLED


def soak(count, call_to_send, call_to_take):
    """KiB resident after each tenth."""
    job = Channel()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send_all, job.sender, count, call_to_send)
        curve = take_all(job.receiver, count, call_to_take)
        sent.result()
    return curve


def soak_cancelling(count):
    """The curve, and how many calls were cancelled on either side."""
    with contextlib.closing(Cancelling()) as sending, contextlib.closing(Cancelling()) as taking:
        curve = soak(count, sending, taking)
    return curve, sending.cancelled, taking.cancelled


def is_flat(curve):
    return curve[-1] <= 1.1 * curve[1] + 1024


def compare(count):
    """Whether the library is as quick as it should be."""
    passed, used = measure(count)
    for name, value in passed.items():
        print(f'{name:12} {value:8.1f} µs a message, {used[name]:6.1f} µs of processor time')
    ratios, of_used = ratios_of(passed), ratios_of(used)
    for name, ratio in ratios.items():
        print(f'{name} / D-Bus: {ratio:.2f}, of processor time {of_used[name]:.2f}')
    return ratios['channel'] <= 1 / 3 and min(ratios['request'], of_used['request']) <= 3 / 4


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--messages', type=int, default=3000)
    parser.add_argument('--soak', type=int, default=0)
    parser.add_argument('--check', action='store_true')
    options = parser.parse_args()
    failed = options.messages != 0 and not compare(options.messages)
    if options.soak:
        plain = soak(options.soak, lambda method: method(None), lambda method: method(None))
        print(f'{options.soak} messages, KiB resident after each tenth:', *plain)
        curve, sends, receives = soak_cancelling(options.soak)
        print(f'{options.soak} messages, {sends} sends and {receives} receives cancelled:', *curve)
        failed |= not is_flat(plain) or not is_flat(curve) or not sends or not receives
    return 1 if options.check and failed else 0


if __name__ == '__main__':
    sys.exit(main())

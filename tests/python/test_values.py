#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Values as messages and back, channel ends inside, and what cannot be said."""

import math
import os
import random
import subprocess
import sys

from support import CHANNELS, TIMEOUT, Case, main
from gi.repository import Chan, Gio, GLib

EXACT = [
    None, True, False, '', 'text', 'ä€𝄞"\\\n', '$handle', '"$', [], {}, [None, [True, []]],
    0, 1, -1, 2**31, -2**31 - 1, 2**53, 2**53 + 1, -2**53 - 1, 2**63 - 1, -2**63, 2**63, 2**64 - 1,
    0.0, 1.0, -0.5, 1e300, 5e-324, math.inf, -math.inf,
    b'', b'\0\xff', bytes(range(256)) * 100,
    {'key': 'value', '$key': 1, '$handle': 0, '$$x': [b'bytes']}, {'$bytes': 'aGVsbG8='}, {'': {'': ''}},
    {'a': {'b': {'c': [1, 2.0, 'three', b'four', None, 2**64 - 1, math.inf]}}},
]


def random_value(source, depth=0):
    kinds = 'nbisfy' if depth > 4 else 'nbisfydl'
    kind = source.choice(kinds)
    if kind == 'd':
        return {random_text(source): random_value(source, depth + 1) for _ in range(source.randrange(5))}
    if kind == 'l':
        return [random_value(source, depth + 1) for _ in range(source.randrange(5))]
    return {'n': lambda: None, 'b': lambda: source.random() < 0.5, 'i': lambda: source.randrange(-2**63, 2**64),
            's': lambda: random_text(source), 'f': lambda: source.uniform(-1e9, 1e9),
            'y': lambda: source.randbytes(source.randrange(20))}[kind]()


def random_text(source):
    return ''.join(source.choice('$abé€𝄞"\\\n{}:') for _ in range(source.randrange(6)))


def same(one, two):
    """Equal, and of equal types: 1, 1.0 and True are equal in Python."""
    if type(one) is not type(two):
        return False
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(two) and all(map(same, one, two))
    return one == two


class Values(Case):
    def test_each_kind_comes_back(self):
        for transport in CHANNELS:
            sender, receiver = self.channel(transport)
            for value in EXACT:
                with self.subTest(transport, value=repr(value)[:60]):
                    sender.send(value, timeout=TIMEOUT)
                    self.assertTrue(same(receiver.receive(timeout=TIMEOUT).unpack(), value))

    def test_not_a_number(self):
        for value in (math.nan, {'a': math.nan}):
            back = Chan.Message(value).unpack()
            self.assertTrue(math.isnan(back['a'] if isinstance(back, dict) else back))

    def test_random_values(self):
        source = random.Random(17)
        for number in range(2000):
            value = random_value(source)
            self.assertTrue(same(Chan.Message(value).unpack(), value), f'{number}: {value!r}')

    def test_file_descriptors(self):
        for transport in CHANNELS:
            with self.subTest(transport):
                sender, receiver = self.channel(transport)
                reading, writing = os.pipe()
                sender.send({'Fd': Chan.Fd.new(reading)}, timeout=TIMEOUT)
                os.write(writing, b'through')
                os.close(writing)
                end = receiver.receive(timeout=TIMEOUT)['Fd']
                self.assertIsInstance(end, Gio.IOStream if transport == 'tcp' else Chan.Fd)
                data = os.read(end.get(), 20) if isinstance(end, Chan.Fd) else end.get_input_stream().read_bytes(20, None).get_data()
                self.assertEqual(data, b'through')

    def test_tuples_become_lists_and_views_bytes(self):
        self.assertEqual(Chan.Message((1, (2, 3))).unpack(), [1, [2, 3]])
        self.assertEqual(Chan.Message(bytearray(b'ab')).unpack(), b'ab')
        self.assertEqual(Chan.Message({'a': memoryview(b'ab')}).unpack(), {'a': b'ab'})

    def test_variants_keep_their_type(self):
        message = Chan.Message({'u': GLib.Variant('u', 7), 'l': [GLib.Variant('(si)', ('a', 1))]})
        self.assertEqual(message.get_body().lookup_value('u', None).get_type_string(), 'u')
        self.assertEqual(message.unpack(), {'u': 7, 'l': [['a', 1]]})
        self.assertEqual(Chan.Message(GLib.Variant('as', ['a', 'b'])).unpack(), ['a', 'b'])

    def test_both_forms_make_the_same_body(self):
        """Large bytes and wide numbers go the other way in; nothing else may change with that."""
        plain = {'n': 1, 'd': 1.0, 's': 'x', 'b': True, 'none': None, 'l': [1], 'y': b'x'}
        wide = Chan.Message(plain | {'wide': 2**64 - 1}).get_body()
        body = Chan.Message(plain).get_body()
        for key in plain:
            self.assertTrue(body.lookup_value(key, None).equal(wide.lookup_value(key, None)), key)

    def test_a_message_reads_as_its_value(self):
        message = Chan.Message({'a': 1, 'b': [2]})
        self.assertEqual((message['a'], message['b'], len(message), list(message)), (1, [2], 2, ['a', 'b']))
        self.assertIn('a', message)
        self.assertNotIn('c', message)
        self.assertEqual((message.get('c'), message.get('c', 5), list(message.keys())), (None, 5, ['a', 'b']))
        self.assertIn('"a":1', repr(message))
        message.unpack()['a'] = 3
        self.assertEqual(message.unpack()['a'], 1)
        with self.assertRaises(KeyError):
            message['c']    # pylint: disable=pointless-statement

    def test_a_message_is_sent_as_it_is(self):
        sender, receiver = Chan.pipe_new(2)
        message = Chan.Message({'a': 1})
        sender.send(message)
        sender.send(message)
        self.assertEqual([receiver.receive()['a'], receiver.receive()['a']], [1, 1])


class Refused(Case):
    def test_wrong_types(self):
        for value in (object(), {1: 2}, {'a': {1: 2}}, [{None: 1}], {'a': {1, 2}}, Gio.Cancellable(), 1j, {'a': Chan.pipe_new}):
            with self.subTest(repr(value)), self.assertRaises(TypeError):
                Chan.Message(value)

    def test_too_wide(self):
        for value in (2**64, -2**63 - 1, {'a': [2**64]}):
            with self.subTest(value), self.assertRaises(OverflowError):
                Chan.Message(value)

    def test_texts(self):
        for value in ('a\0b', {'a\0b': 1}, '\ud800', {'a': '\ud800'}):
            with self.subTest(repr(value)), self.assertRaises(ValueError):
                Chan.Message(value)

    def test_endless(self):
        endless = []
        endless.append(endless)
        circle = {}
        circle['a'] = [circle]
        deep = 1
        for _ in range(300):
            deep = [deep]
        for value in (endless, circle, deep):
            with self.assertRaises(ValueError):
                Chan.Message(value)

    def test_how_deep(self):
        for wrap, depth in ((lambda value: {'a': value}, 39), (lambda value: [value], 59)):
            value = 1
            for _ in range(depth):
                value = wrap(value)
            self.assertEqual(Chan.Message(value).unpack(), value)
            with self.assertRaises(ValueError):
                Chan.Message(wrap(value))

    def test_handles_in_variants(self):
        for value in (GLib.Variant('h', 0), {'a': GLib.Variant('(h)', (0,))}, GLib.Variant('v', GLib.Variant('h', 0))):
            with self.subTest(str(value)), self.assertRaises(ValueError):
                Chan.Message(value)

    def test_nothing_moves_when_a_value_is_refused(self):
        sender, _receiver = Chan.pipe_new(1)
        end, other = Chan.pipe_new(1)
        with self.assertRaises(TypeError):
            sender.send({'end': end, 'bad': object()})
        end.send('still mine')
        self.assertEqual(other.receive().unpack(), 'still mine')


class Handles(Case):
    def test_ends_in_a_message(self):
        for transport in CHANNELS:
            with self.subTest(transport):
                sender, receiver = self.channel(transport)
                there, back = Chan.pipe_new(4)
                out, feed = Chan.pipe_new(4)
                sender.send({'deep': [{'Reply': there}], 'Feed': feed, 'n': 1}, timeout=TIMEOUT)
                message = receiver.receive(timeout=TIMEOUT)
                reply, source = message['deep'][0]['Reply'], message['Feed']
                self.assertIsInstance(reply, Chan.Sender)
                self.assertIsInstance(source, Chan.Receiver)
                out.send('ping', timeout=TIMEOUT)
                self.assertEqual(source.receive(timeout=TIMEOUT).unpack(), 'ping')
                reply.send('pong', timeout=TIMEOUT)
                self.assertEqual(back.receive(timeout=TIMEOUT).unpack(), 'pong')
                self.assert_channel_error(Chan.ChannelError.MOVED, there.send, 'gone')

    def test_nested_handles(self):
        """A channel that carries a channel that carries a channel."""
        for transport in CHANNELS:
            with self.subTest(transport):
                sender, receiver = self.channel(transport)
                depth = 5
                for level in range(depth):
                    inner, outer = Chan.pipe_new(4)
                    sender.send({'level': level, 'next': outer}, timeout=TIMEOUT)
                    message = receiver.receive(timeout=TIMEOUT)
                    self.assertEqual(message['level'], level)
                    sender, receiver = inner, message['next']
                sender.send('bottom', timeout=TIMEOUT)
                self.assertEqual(receiver.receive(timeout=TIMEOUT).unpack(), 'bottom')

    def test_byte_streams(self):
        for transport in CHANNELS:
            with self.subTest(transport):
                sender, receiver = self.channel(transport)
                here, there = Chan.byte_pipe_new()
                sender.send({'Stream': there, 'large': bytes(5000)}, timeout=TIMEOUT)
                message = receiver.receive(timeout=TIMEOUT)
                stream = message['Stream']
                self.assertIsInstance(stream, Gio.IOStream)
                self.assertEqual(message['large'], bytes(5000))
                here.get_output_stream().write_all(b'hello')
                self.assertEqual(stream.get_input_stream().read_bytes(5).get_data(), b'hello')

    def test_one_end_twice_is_one_handle(self):
        end, _other = Chan.pipe_new(1)
        message = Chan.Message([end, end])
        self.assertEqual(message.get_n_handles(), 1)
        self.assertIs(message.unpack()[0], message.unpack()[1])


FIRST = '''
import gi
gi.require_version('Chan', '1')
from gi.repository import Chan, Gio, GLib
from gi.module import get_introspection_module
for module, name in (('GLib', 'Bytes'), ('Gio', 'InputStream'), ('Gio', 'UnixOutputStream'), ('Chan', 'ByteStream'), ('Chan', 'Fd')):
    print(name in vars(get_introspection_module(module)))
'''


class Classes(Case):
    def test_what_threads_are_given_has_one_class(self):
        """PyGObject makes it for who asks first: two threads that ask at once get one each, and neither's is the other's."""
        done = subprocess.run([sys.executable, '-c', FIRST], capture_output=True, text=True, timeout=TIMEOUT, check=True)
        self.assertEqual(done.stdout.split(), ['True'] * 5)


if __name__ == '__main__':
    main()

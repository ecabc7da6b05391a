# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plain Python values to messages and back.

Both ways go through the library's JSON form: one call into C for a whole message costs less than one for each value
in it. What JSON cannot say in a plain way (numbers of more than 63 bits, keys with a dollar sign, values of a given
GVariant type, large byte strings) is built as GVariant.
"""

import base64
import binascii
import json

from gi.repository import Gio, GLib, GObject

# As deep as the library reads back (GVariant's 128 levels, three of them for a dictionary, two for a list).
DEPTH_MAX = 118
DICT_DEPTH = 3
LIST_DEPTH = 2
# From here on base64 and the limit for JSON texts cost more than building a GVariant.
LARGE_BYTES = 4096

_VARDICT = GLib.VariantType.new('a{sv}')
_VARIANTS = GLib.VariantType.new('av')
_VARIANT = GLib.VariantType.new('v')
_BYTES = GLib.VariantType.new('ay')


class _NotPlain(Exception):
    """JSON cannot say it."""


def _type_error(value):
    return TypeError(f'a message cannot hold a {type(value).__name__}')


def _check(value, depth=0):
    """What the JSON encoder would let pass: keys that are no strings become some, a value in itself never ends."""
    if depth > DEPTH_MAX:
        raise ValueError('a message cannot be nested so deep, or a value contains itself')
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f'the keys of a message are strings, not {type(key).__name__}')
            if isinstance(item, (dict, list, tuple)):
                _check(item, depth + DICT_DEPTH)
    else:
        for item in value:
            if isinstance(item, (dict, list, tuple)):
                _check(item, depth + LIST_DEPTH)


def _add_handle(handles, value):
    for index, known in enumerate(handles):
        if known is value:
            return index
    handles.append(value)
    return len(handles) - 1


def _is_handle(value, kinds):
    return isinstance(value, GObject.Object) and isinstance(value, kinds)


class Packer:
    """Makes messages. `kinds`: the classes of what can be a handle."""

    def __init__(self, message_class, kinds):
        self._new_from_json = message_class.new_from_json
        self._new_with_handles = message_class.new_with_handles
        self._new_from_bytes = message_class.new_from_bytes
        self._kinds = kinds

    def pack(self, value):
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._new_from_bytes(GLib.Bytes.new(bytes(value)))
        if isinstance(value, GLib.Variant):
            return self._new_with_handles(_without_handles(value), [])
        if isinstance(value, (dict, list, tuple)):
            _check(value)
        try:
            return self._pack_json(value)
        except (_NotPlain, ValueError, GLib.Error):
            # Also for what JSON refuses with an error: the other way has better words for it, or can do it.
            handles = []
            return self._new_with_handles(self._variant(value, handles, 0), handles)

    def _pack_json(self, value):
        handles = []
        try:
            text = _encode_plain(value)
        except _NotPlain:
            text, n_tags = self._encode_tagged(value, handles)
        else:
            n_tags = 0
        # A dollar sign that is not ours would be read as a tag.
        if '"$' in text and text.count('"$') != n_tags or '\\u0000' in text:
            raise _NotPlain
        return self._new_from_json(text, handles)

    def _encode_tagged(self, value, handles):
        tags = []

        def tagged(item):
            tags.append(None)
            if isinstance(item, (bytes, bytearray, memoryview)) and len(item) < LARGE_BYTES:
                return {'$bytes': binascii.b2a_base64(item, newline=False).decode('ascii')}
            if _is_handle(item, self._kinds):
                return {'$handle': _add_handle(handles, item)}
            raise _NotPlain

        return _encoder(tagged)(value), len(tags)

    def _variant(self, value, handles, depth):
        if depth > DEPTH_MAX:
            raise ValueError('a message cannot be nested so deep, or a value contains itself')
        if isinstance(value, dict):
            return self._variant_dict(value, handles, depth + DICT_DEPTH)
        if isinstance(value, (list, tuple)):
            builder = GLib.VariantBuilder.new(_VARIANTS)
            for item in value:
                builder.add_value(GLib.Variant.new_variant(self._variant(item, handles, depth + LIST_DEPTH)))
            return builder.end()
        if _is_handle(value, self._kinds):
            return GLib.Variant.new_handle(_add_handle(handles, value))
        return _scalar(value)

    def _variant_dict(self, value, handles, depth):
        builder = GLib.VariantBuilder.new(_VARDICT)
        for key, item in value.items():
            builder.add_value(GLib.Variant.new_dict_entry(
                _string(key), GLib.Variant.new_variant(self._variant(item, handles, depth))))
        return builder.end()


def _encoder(default):
    return json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(',', ':'),
                            default=default).encode


def _refuse(_item):
    raise _NotPlain


_encode_plain = _encoder(_refuse)


def _string(value):
    if '\0' in value:
        raise ValueError('a string in a message cannot hold a null character; bytes can')
    value.encode('utf-8')       # raises for what is no text
    return GLib.Variant.new_string(value)


def _integer(value):
    if -2**63 <= value < 2**63:
        return GLib.Variant.new_int64(value)
    if 0 <= value < 2**64:
        return GLib.Variant.new_uint64(value)
    raise OverflowError(f'{value} does not fit in 64 bits')


def _scalar(value):
    if isinstance(value, GLib.Variant):
        return _without_handles(value)
    if value is None:
        return GLib.Variant.new_maybe(_VARIANT, None)
    if isinstance(value, bool):
        return GLib.Variant.new_boolean(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return GLib.Variant.new_double(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return GLib.Variant.new_from_bytes(_BYTES, GLib.Bytes.new(bytes(value)), True)
    raise _type_error(value)


def _has_handle(value):
    kind = value.get_type_string()
    if 'h' in kind:
        return True
    return 'v' in kind and any(_has_handle(value.get_child_value(i)) for i in range(value.n_children()))


def _without_handles(value):
    # Its indices would be into a list of handles that is not there.
    if _has_handle(value):
        raise ValueError('a GLib.Variant cannot hold handles here: put the channel itself into a dict or a list')
    return value


def _tag(pairs):
    """An object of the JSON form that has a key with a dollar sign."""
    if len(pairs) == 1:
        (key, value), = pairs
        decode = _TAGS.get(key)
        if decode is not None:
            return decode(value)
    return {key[1:] if key.startswith('$') else key: value for key, value in pairs}


_TAGS = {
    '$bytes': base64.b64decode,
    '$int': int,
    '$double': float,
}
_decode_plain = json.JSONDecoder().decode


def unpack(message, to_json, get_handle):
    """The value of a message, as dict, list, str, int, float, bool, None, bytes, and channel ends."""
    text = to_json(message)
    if '"$' not in text:
        return _decode_plain(text)

    def decode(pairs):
        if len(pairs) == 1 and pairs[0][0] == '$handle':
            return get_handle(message, pairs[0][1])
        for key, _value in pairs:
            if key.startswith('$'):
                return _tag(pairs)
        return dict(pairs)

    return json.JSONDecoder(object_pairs_hook=decode).decode(text)

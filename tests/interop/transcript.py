# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads a recorded session, NAME.c2s.bin and NAME.s2c.bin, with the raw peer's own decoders."""

import msgpack_lite as mp
import spdy


class Transcript:
    def __init__(self, directory, name):
        self.frames = {way: self.read(directory / f'{name}.{way}.bin') for way in ('c2s', 's2c')}
        self.sender_refs = {}           # (way that opened it, ref): stream id
        for way, frames in self.frames.items():
            for frame in frames:
                if frame.type == spdy.SYN_STREAM:
                    self.sender_refs[way, int(frame.header('libchan-ref') or 0)] = frame.stream_id

    @staticmethod
    def read(path):
        reader, headers = spdy.FrameReader(), spdy.HeaderReader()
        frames = reader.feed(path.read_bytes())
        if reader.buffer:
            raise ValueError(f'{path}: {len(reader.buffer)} bytes are no whole frame')
        for frame in frames:
            headers.read(frame)
        return frames

    def payload(self, way, stream_id):
        return b''.join(frame.payload for frame in self.frames[way] if frame.type is None and frame.stream_id == stream_id)

    def stream_ids(self):
        return sorted({frame.stream_id for frames in self.frames.values() for frame in frames if frame.stream_id})

    def messages(self, way):
        """All messages that went one way (generation 2), stream by stream; byte streams are left out."""
        byte_streams = set()
        for again in (False, True):     # which streams carry bytes is known after the first pass
            found = []
            for stream_id in self.stream_ids():
                if stream_id not in byte_streams:
                    found += self.objects(way, stream_id, byte_streams, strictly=again)
                    self.objects('s2c' if way == 'c2s' else 'c2s', stream_id, byte_streams, strictly=False)
        return found

    def objects(self, way, stream_id, byte_streams, strictly):
        decoder = mp.Decoder(self.payload(way, stream_id))
        found = []
        try:
            while decoder.position < len(decoder.buffer):
                found.append(decoder.value())
        except (mp.Short, ValueError):
            if strictly:
                raise
        for ext in decoder.extensions:
            if ext.code in (mp.DUPLEX, mp.WRITES, mp.READS):
                byte_streams.add(self.sender_refs.get((way, int.from_bytes(ext.data, 'big'))))
        return found

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A screen without a monitor: Xvfb, which keeps what it shows in a file (in the format of xwd)."""

import os
import pathlib
import select
import struct
import subprocess
import tempfile
import zlib

START_TIMEOUT = 20
HEADER = struct.Struct('>25I')


def png_chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


class Picture:
    """Rows of pixels, as (red, green, blue)."""

    def __init__(self, width, height, rows):
        self.width, self.height, self.rows = width, height, rows

    def save(self, path):
        raw = b''.join(b'\0' + bytes(value for pixel in row for value in pixel) for row in self.rows)
        head = struct.pack('>IIBBBBB', self.width, self.height, 8, 2, 0, 0, 0)
        path.write_bytes(b'\x89PNG\r\n\x1a\n' + png_chunk(b'IHDR', head) + png_chunk(b'IDAT', zlib.compress(raw)) + png_chunk(b'IEND', b''))

    def part(self, x, y, width, height):
        return [row[max(0, x):x + width] for row in self.rows[max(0, y):y + height]]

    def ink(self, *area):
        """How many pixels of an area are much darker, or much more colourful, than the most of it."""
        pixels = [pixel for row in self.part(*area) for pixel in row]
        paper = max(set(pixels), key=pixels.count)
        return sum(sum(abs(a - b) for a, b in zip(pixel, paper)) > 150 for pixel in pixels)

    def differs(self, other, *area):
        return self.part(*area) != other.part(*area)


class Screen:
    def __init__(self, width, height):
        self.directory = tempfile.TemporaryDirectory(prefix='chan-screen-')
        reading, writing = os.pipe()
        self.process = subprocess.Popen(
            ['Xvfb', '-displayfd', str(writing), '-screen', '0', f'{width}x{height}x24', '-fbdir', self.directory.name,
             '-nolisten', 'tcp', '-noreset'], pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(writing)
        try:
            number = b''
            while not number.endswith(b'\n'):      # which comes by itself
                if not select.select([reading], [], [], START_TIMEOUT)[0]:
                    raise AssertionError('Xvfb does not start')
                more = os.read(reading, 20)
                if not more:
                    raise AssertionError(f'Xvfb ended with {self.process.wait(5)}')
                number += more
            self.display = f':{number.decode().strip()}'
        except BaseException:
            self.stop()
            raise
        finally:
            os.close(reading)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.directory.cleanup()

    def picture(self):
        data = pathlib.Path(self.directory.name, 'Xvfb_screen0').read_bytes()
        header = HEADER.unpack_from(data)
        size, width, height, bytes_per_line, n_colors = header[0], header[4], header[5], header[12], header[19]
        start, rows = size + 12 * n_colors, []
        for y in range(height):
            line = data[start + y * bytes_per_line:][:4 * width]
            rows.append(list(zip(line[2::4], line[1::4], line[0::4])))     # blue comes first
        return Picture(width, height, rows)

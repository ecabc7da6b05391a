# SPDX-License-Identifier: LGPL-2.1-or-later
from enum import IntFlag
from typing import Any

PRIORITY_DEFAULT: int

class Error(RuntimeError):
    message: str
    domain: str
    code: int
    def matches(self, domain: str | int, code: int) -> bool: ...
    @staticmethod
    def new_literal(domain: int, message: str, code: int) -> Error: ...

class IOCondition(IntFlag):
    IN = 1

class Bytes:
    @classmethod
    def new(cls, data: bytes | None = None) -> Bytes: ...
    def get_data(self) -> bytes | None: ...
    def get_size(self) -> int: ...

class Variant:
    def __init__(self, format_string: str, value: Any) -> None: ...
    def unpack(self) -> Any: ...

class Uri:
    def get_path(self) -> str: ...

class Source:
    def attach(self, context: MainContext | None = None) -> int: ...

class MainContext:
    def iteration(self, may_block: bool) -> bool: ...

def usleep(microseconds: int) -> None: ...

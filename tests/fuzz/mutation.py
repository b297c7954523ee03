"""Damage to bytes: what every target does to inputs that were well formed, and how a finding is made small."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeAlias

Words: TypeAlias = Sequence[bytes]
"""What a format gives a meaning."""


def damaged(data: bytes, dice: Random, words: Words) -> bytes:
    """Give the bytes with up to four mutations."""
    for _ in range(dice.choice((0, 1, 1, 2, 4))):
        data = dice.choice(_MUTATIONS)(data, dice, words)
    return data


def shrunk(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """Take away whatever can be without which the input still fails."""
    size = len(data) // 2
    while size:
        at = 0
        while at < len(data):
            less = data[:at] + data[at + size :]
            if fails(less):
                data = less
            else:
                at += size
        size //= 2
    return data


def _flip(data: bytes, dice: Random, _: Words) -> bytes:
    return _at(data, dice, lambda byte: bytes([byte ^ 1 << dice.randrange(8)]))


def _replace(data: bytes, dice: Random, _: Words) -> bytes:
    return _at(data, dice, lambda _: bytes([dice.randrange(256)]))


def _remove(data: bytes, dice: Random, _: Words) -> bytes:
    begin, end = _slice(data, dice)
    return data[:begin] + data[end:]


def _repeat(data: bytes, dice: Random, _: Words) -> bytes:
    begin, end = _slice(data, dice)
    return data[:end] + data[begin:end] * dice.choice((1, 1, 1, 3, 50)) + data[end:]


def _move(data: bytes, dice: Random, _: Words) -> bytes:
    begin, end = _slice(data, dice)
    rest = data[:begin] + data[end:]
    at = dice.randrange(len(rest) + 1)
    return rest[:at] + data[begin:end] + rest[at:]


def _insert(data: bytes, dice: Random, words: Words) -> bytes:
    at = dice.randrange(len(data) + 1)
    return data[:at] + dice.choice(words) + data[at:]


def _overwrite(data: bytes, dice: Random, words: Words) -> bytes:
    begin, end = _slice(data, dice)
    return data[:begin] + dice.choice(words) + data[end:]


def _noise(data: bytes, dice: Random, _: Words) -> bytes:
    at = dice.randrange(len(data) + 1)
    return data[:at] + dice.randbytes(dice.randint(1, 8)) + data[at:]


def _cut(data: bytes, dice: Random, _: Words) -> bytes:
    return data[: dice.randrange(len(data) + 1)]


def _at(data: bytes, dice: Random, change: Callable[[int], bytes]) -> bytes:
    if not data:
        return change(0)
    at = dice.randrange(len(data))
    return data[:at] + change(data[at]) + data[at + 1 :]


def _slice(data: bytes, dice: Random) -> tuple[int, int]:
    begin = dice.randrange(len(data) + 1)
    return begin, min(len(data), begin + dice.choice((1, 2, 4, 16, 64)))


_MUTATIONS = (_flip, _replace, _remove, _repeat, _move, _insert, _overwrite, _noise, _cut)

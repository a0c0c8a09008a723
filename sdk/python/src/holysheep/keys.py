"""A key's form, checked without asking anyone: `hs_`, 34 random base62 characters, 6 checksum characters.

The checksum is the CRC-32 of the 34, written in base62 with the digits 0-9 A-Z a-z, most significant first, zero-padded.
A key that passes may still be unknown or revoked; one that fails was mistyped or cut, and is not sent anywhere.
"""

from __future__ import annotations

import zlib

from .errors import InvalidKeyError, MissingKeyError

__all__ = ["check_key", "problem_with", "shown"]

PREFIX = "hs_"
RANDOM_CHARS = 34
CHECKSUM_CHARS = 6
KEY_CHARS = len(PREFIX) + RANDOM_CHARS + CHECKSUM_CHARS
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _checksum(random_part: str) -> str:
    rest = zlib.crc32(random_part.encode("ascii"))
    text = ""
    for _ in range(CHECKSUM_CHARS):
        rest, digit = divmod(rest, 62)
        text = BASE62[digit] + text
    return text


def shown(key: str) -> str:
    """At most the first 7 and last 4 characters; of a short text only the first quarter."""
    return key[: len(key) // 4] + "…" if len(key) < 22 else f"{key[:7]}…{key[-4:]}"


def problem_with(key: str) -> str | None:
    """What is wrong with the key's form, in a sentence that never holds the whole key; None if nothing is."""
    if key != key.strip():
        return "it has white space around it (a line break from a file or a copy?): strip it"
    if key.startswith("sk-"):
        return "it begins with 'sk-' as keys of other services do: it was not sent; give the key that the gateway made ('bellwether key create')"
    if not key.startswith(PREFIX):
        return f"it begins with '{key[:3]}', and a gateway's key begins with '{PREFIX}'"
    if len(key) != KEY_CHARS:
        missing = KEY_CHARS - len(key)
        what = f"{missing} missing: was it cut when copied?" if missing > 0 else f"{-missing} too many"
        return f"it has {len(key)} characters, and a key has {KEY_CHARS} ({what})"
    for place, char in enumerate(key[len(PREFIX) :], len(PREFIX) + 1):
        if char not in BASE62:
            return f"character {place} is {char!r}, and only letters and digits may follow '{PREFIX}'"
    if key[-CHECKSUM_CHARS:] != _checksum(key[len(PREFIX) : -CHECKSUM_CHARS]):
        return "its checksum does not fit: a character was mistyped or two were swapped"
    return None


def check_key(key: str) -> str:
    """The key itself, if its form is right; else raises `InvalidKeyError` with what is wrong."""
    if not key:
        raise MissingKeyError("The key is empty. Set HOLYSHEEP_API_KEY or pass api_key='hs_…'.")
    if problem := problem_with(key):
        raise InvalidKeyError(f"The key {shown(key.strip())} cannot be right: {problem}.")
    return key

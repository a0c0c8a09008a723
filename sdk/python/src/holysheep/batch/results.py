"""What a batch gives back: a sequence of answers and errors, in the order of the tasks."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar, cast, overload

from ..types import ChatCompletion
from .record import decode

__all__ = ["BatchResults"]


R = TypeVar("R")


class BatchResults(Sequence[R], Generic[R]):
    """Indexed, sliced and iterated as a list. With `resume=FILE` the items stay in the file and are read when they are looked at,
    so that a hundred thousand of them take a megabyte; the file must then stay where it is."""

    def __init__(self, held: list[R] | None = None, *, path: str = "", offsets: array[int] | None = None) -> None:
        self._held = held
        self._path = path
        self._offsets = offsets if offsets is not None else array("q")

    @property
    def errors(self) -> dict[int, Exception]:
        """The failed items by index; empty if all went well."""
        return {index: item for index, item in enumerate(self) if isinstance(item, Exception)}

    def __len__(self) -> int:
        return len(self._offsets) if self._held is None else len(self._held)

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> list[R]: ...
    def __getitem__(self, index: Any) -> Any:
        if self._held is not None:
            return self._held[index]
        with open(self._path, "rb") as file:
            if isinstance(index, slice):
                return [self._at(file, offset) for offset in self._offsets[index]]
            return self._at(file, self._offsets[index])

    def __iter__(self) -> Iterator[R]:
        if self._held is not None:
            yield from self._held
            return
        with open(self._path, "rb") as file:
            for offset in self._offsets:
                yield cast(R, self._at(file, offset))

    @staticmethod
    def _at(file: Any, offset: int) -> ChatCompletion | Exception:
        file.seek(offset)
        return decode(file.readline())

    def __repr__(self) -> str:
        return f"<BatchResults of {len(self)}{' in ' + self._path if self._held is None else ''}>"

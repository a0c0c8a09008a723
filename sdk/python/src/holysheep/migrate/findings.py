"""What a rule reports: a place, a sentence about that place, and, where it is certain, the edits that mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Replaces the bytes `start:end` of the UTF-8 text; an insertion where both are equal. All that lies outside keeps its bytes."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Finding:
    """One place in one file. `start` and `end` are bytes of the UTF-8 text; lines and columns count from 1, columns in characters."""

    id: str
    message: str
    advice: str
    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int
    edits: tuple[Edit, ...] = ()

    @property
    def automatic(self) -> bool:
        """Whether `fix` mends it."""
        return bool(self.edits)


def choose(findings: list[Finding]) -> list[Edit]:
    """The edits of as many findings as fit side by side. A finding's edits are taken all or none; the others wait for the next pass."""
    taken: list[Edit] = []
    for finding in findings:
        new = [edit for edit in dict.fromkeys(finding.edits) if edit not in taken]
        if not any(_collide(edit, other) for edit in new for other in taken):
            taken.extend(new)
    return sorted(taken, key=lambda edit: (edit.start, edit.end))  # insertions at one place keep their order


def _collide(one: Edit, other: Edit) -> bool:
    if one.start == one.end and other.start == other.end:
        return False  # two insertions stand behind each other
    return one.start < other.end and other.start < one.end


def apply(text: str, edits: list[Edit]) -> str:
    """The text with all edits made. They must not overlap."""
    data = text.encode("utf-8")
    parts: list[bytes] = []
    at = 0
    for edit in edits:
        parts += [data[at : edit.start], edit.text.encode("utf-8")]
        at = edit.end
    return b"".join([*parts, data[at:]]).decode("utf-8")

"""The lines of a text: how many there are, and whether each has as many fields as the header.

Polars fills a line that ends early with empty fields: a file that was cut within a record would be read as one that has
no quote there. The lines are looked through in blocks that stay in the processor's cache; to parse them takes ten times
as long.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sor.errors import DataError, count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_BLOCK = 2**18
_LONGEST = 2**10
"""No closing line is longer."""
_NEWLINE, _RETURN, _QUOTE = b'\n\r"'


@dataclass(frozen=True)
class Lines:
    """A text of lines whose fields are separated by one character."""

    source: Path | bytes
    label: str
    separator: str
    fields: int
    """Of the header."""
    closing: int = 0
    """Characters at the end that are no records."""

    @cached_property
    def checked(self) -> tuple[int, bool]:
        """How many lines there are, the header and the last, ended or not, included; and whether one may be blank.

        Raises:
            DataError: If one that is not blank has not as many fields as the header.

        """
        lines = separators = 0
        last = _NEWLINE
        for block, ends, between in self._blocks():
            lines += int(np.count_nonzero(ends))
            separators += int(np.count_nonzero(between))
            last = int(block[-1])
        lines += last != _NEWLINE
        uneven = separators != lines * (self.fields - 1)
        if uneven:
            self.require_fields()
        return lines, uneven

    def _blocks(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]]:
        """Yield the characters, and which of them end a line, and a field within one: those that are not quoted."""
        buffer = bytearray(_BLOCK)
        characters = np.frombuffer(buffer, np.uint8)
        quoted = 0
        left = _size(self.source) - self.closing
        with (
            self.source.open("rb", buffering=0)
            if isinstance(self.source, Path)
            else io.BytesIO(self.source) as file
        ):
            while left > 0 and (length := min(file.readinto(buffer) or 0, left)):
                left -= length
                block = characters[:length]
                ends, between = block == _NEWLINE, block == ord(self.separator)
                if quoted or buffer.find(_QUOTE, 0, length) >= 0:
                    within = (np.cumsum(block == _QUOTE) + quoted) & 1
                    quoted = int(within[-1])
                    ends &= within == 0
                    between &= within == 0
                yield block, ends, between

    def require_fields(self) -> None:
        """Check that each line is blank or has as many fields as the header.

        Raises:
            DataError: Naming the first that is not.

        """
        row = -1
        separators = characters = 0  # of the line that an earlier block began
        for block, ends, between in self._blocks():
            at, places = np.flatnonzero(ends), np.flatnonzero(between)
            filled = np.flatnonzero((block != _NEWLINE) & (block != _RETURN))
            many = np.diff(np.searchsorted(places, at), prepend=-separators)
            long = np.diff(np.searchsorted(filled, at), prepend=-characters)
            row = self._checked(many, long, row)
            rest = int(at[-1]) if len(at) else -1
            separators = int(np.count_nonzero(places > rest)) + (0 if len(at) else separators)
            characters = int(np.count_nonzero(filled > rest)) + (0 if len(at) else characters)
        self._checked(np.array([separators]), np.array([characters]), row)

    def _checked(self, separators: NDArray[np.intp], characters: NDArray[np.intp], row: int) -> int:
        """Check the lines that follow a row, -1 before the header; return the last one's row."""
        if row < 0:
            header = np.flatnonzero(characters)[:1]
            separators, characters = (each[int(header.sum()) :] for each in (separators, characters))
            if not len(header):
                return row
        wrong = np.flatnonzero((separators != self.fields - 1) & (characters > 0))
        if len(wrong):
            fields = int(separators[wrong[0]]) + 1
            raise DataError(
                f"{self.label}: row {row + 1 + int(wrong[0]):,}: {count(fields, 'field')}; expected {self.fields}, as "
                "the header has: the line is cut short, or has a separator too few or too many"
            )
        return row + len(separators)


def closing_line(source: Path | bytes, separator: str) -> int:
    """Return the length of a last line that closes the file, as NYSE's do (`END|20240102|1234`); 0 without one."""
    size = _size(source)
    with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file:
        file.seek(max(0, size - _LONGEST))
        tail = file.read()
    line = tail.rstrip(b"\r\n").rpartition(b"\n")[2]
    return len(tail) - tail.rindex(line) if line.startswith(f"END{separator}".encode()) else 0


def _size(source: Path | bytes) -> int:
    return source.stat().st_size if isinstance(source, Path) else len(source)

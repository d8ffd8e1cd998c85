"""Every line of a text has as many fields as its header; blank lines are no records."""

from __future__ import annotations

import csv
import gzip
import io
import random
from typing import TYPE_CHECKING

import pytest
from effort import some
from raw_frames import T0, raw
from sor import DataError
from sor.tape import lines, stream
from sor.tape.read import read_quotes

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "ts_event,publisher_id,bid_px_00,bid_sz_00,ask_px_00,ask_sz_00"
GOOD = [f"{T0 + i},2,100.01,{i + 1},100.02,300" for i in range(3)]


def text(*rows: str, end: str = "\n") -> bytes:
    return "".join(row + end for row in (HEAD, *rows)).encode()


def odd_text(rng: random.Random, fields: int, separator: str, error: int) -> tuple[str, int, int | None]:
    """Write lines of so many fields, but for a few; return how many there are, and which is the first wrong row."""
    out, end = io.StringIO(), rng.choice(["\n", "\r\n"])
    writer = csv.writer(
        out, delimiter=separator, lineterminator=end, quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    )
    blank, row, wrong = rng.randrange(2), 0, None
    out.write(end * blank)
    for record in range(rng.randrange(1, 7)):
        bad = fields > 1 and record > 0 and rng.random() < 0.1
        wrong = row if bad and wrong is None else wrong
        writer.writerow(
            rng.choice(["a", "", "b,c", 'say "x"', "two\nlines", "é"]) for _ in range(fields + error * bad)
        )
        row += 1
        if rng.random() < 0.1:
            out.write(end)
            row += 1
    return out.getvalue(), blank + row, wrong


def test_lines_are_counted_and_the_first_wrong_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Python's own writer of CSV writes them, in blocks that end anywhere."""
    rng, path = random.Random(3), tmp_path / "a.csv"
    for _ in range(some(3_000, ci=400)):
        monkeypatch.setattr(lines, "_BLOCK", rng.choice([1, 2, 3, 7, 64, 2**18]))
        fields, separator = rng.randrange(1, 5), rng.choice(",;|\t")
        more = rng.random() < 0.5
        written, many, wrong = odd_text(rng, fields, separator, 1 if more else -1)
        path.write_bytes(data := written.encode())
        found = lines.Lines(rng.choice([path, data]), "a.csv", separator, fields)
        if wrong is None:
            assert found.checked[0] == many
        else:
            with pytest.raises(
                DataError, match=rf"a\.csv: row {wrong}: \d fields?; expected {fields}, as the header has"
            ):
                # A field too many may make up for a blank line; polars finds it then.
                _ = found.checked if rng.random() < 0.5 and not more else found.require_fields()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "short", [f"{T0 + 3},2,100.01", f"{T0 + 3},2", f"{T0 + 3}", f"{T0 + 3},2,100.01,5,100.02"]
)
def test_a_line_that_ends_early_is_no_line_without_a_quote(tmp_path: Path, short: str, end: str) -> None:
    """Also at the end of a file, where one that is cut short ends."""
    for rows, place in (([GOOD[0], short, *GOOD[1:]], 2), ([*GOOD, short], 4)):
        for data in (text(*rows, end=end), text(*rows, end=end).rstrip()):
            (tmp_path / "a.csv").write_bytes(data)
            with pytest.raises(
                DataError, match=rf"a\.csv: row {place}: \d fields?; expected 6, as the header has"
            ):
                read_quotes(tmp_path / "a.csv")


def test_a_line_with_more_fields_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(text(*GOOD, GOOD[0] + ",7"))
    with pytest.raises(DataError, match=r"a\.csv: row 4: 7 fields; expected 6"):
        read_quotes(tmp_path / "a.csv")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "rows", [["", *GOOD], [*GOOD, "", "", ""], [GOOD[0], "", *GOOD[1:]], [*GOOD, ",,,,,"]]
)
def test_blank_lines_are_no_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[str], end: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text(*GOOD))
    expected = read_quotes(path).frame
    path.write_bytes(text(*rows, end=end))
    other = tmp_path / "b.csv"
    other.write_bytes(text("", ""))
    for least in (stream.LEAST_RECORDS, 0):
        monkeypatch.setattr(stream, "LEAST_RECORDS", least)
        assert read_quotes(path).frame.equals(expected)
        with pytest.raises(DataError, match=r"b\.csv: no records"):
            read_quotes([path, other])


def test_rows_are_counted_with_the_blank_ones(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(text(GOOD[0], "", GOOD[1].replace("100.01", "x")))
    with pytest.raises(DataError, match=r"a\.csv: row 3: bid_px_00 is 'x'"):
        read_quotes(tmp_path / "a.csv")


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEAD},bid_px_00\n{GOOD[0]},99.5\n")
    with pytest.raises(DataError, match=r"a\.csv: two columns are called bid_px_00; expected one"):
        read_quotes(path)
    path.write_text(f"{HEAD},note,note\n{GOOD[0]},a,b\n")
    assert len(read_quotes(path)) == 1
    with pytest.raises(DataError, match="two columns are called note"):
        read_quotes(path, columns={"note": "symbol"})


def test_what_is_no_text_of_ours_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text(*GOOD).decode().encode("utf-16"))
    with pytest.raises(
        DataError, match=r"a\.csv: cannot be read: it is text in UTF-16; expected text in UTF-8"
    ):
        read_quotes(path)
    raw().write_parquet(path)
    with pytest.raises(DataError, match=r"a\.csv: .* a name that ends in \.parquet"):
        read_quotes(path)
    path.write_bytes(text(*GOOD).replace(b"100.01", b"\xe9"))
    with pytest.raises(DataError, match="expected text in UTF-8"):
        read_quotes(path)
    path.write_bytes(text(*GOOD).replace(b",", b";"))
    with pytest.raises(DataError, match=r"separator=';' splits them"):
        read_quotes(path)


def test_packed_text_without_its_ending(tmp_path: Path) -> None:
    """It is unpacked within the bound all the same."""
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(text(*GOOD)))
    assert len(read_quotes(path)) == 3
    with pytest.raises(DataError, match="unpacks to more than 10 bytes"):
        read_quotes(path, max_bytes=10)


@pytest.mark.parametrize("closing", ["END|20240102|3", "END|20240102|3|||\r\n\n"])
def test_a_line_that_closes_the_file_is_no_record(tmp_path: Path, closing: str) -> None:
    """As in NYSE's files, packed and unpacked; in the middle it is a mistake."""
    data = text(*GOOD).replace(b",", b"|")
    for name, pack in (("a.csv", bytes), ("a.csv.gz", gzip.compress)):
        path = tmp_path / name
        path.write_bytes(pack(data))
        expected = read_quotes(path, separator="|").frame
        path.write_bytes(pack(data + closing.encode()))
        assert read_quotes(path, separator="|").frame.equals(expected)
        path.write_bytes(pack(data + closing.rstrip().encode() + b"\n" + data.splitlines()[1]))
        with pytest.raises(DataError, match=r"row 4: "):
            read_quotes(path, separator="|")

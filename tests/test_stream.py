"""Long tables are read in batches by the core, and every table as it is otherwise: the same tape, the same error."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sor
from effort import some
from raw_frames import T0, raw
from sor.tape import stream
from sor.tape.read import read_quotes
from sor.tape.schema import UNDEF_PRICE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NEVER = 2**60
OLD = 0 if stream._SAYS_ERRORS else NEVER
"""What stands for the number of streamed tables where this polars is not trusted with them."""


class Ways:
    """Reads in both ways, and counts what was streamed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.streamed = 0
        self._patch = monkeypatch
        filled = stream._filled

        def counting(*given: Any) -> stream.Streamed | None:
            found = filled(*given)
            self.streamed += found is not None
            return found

        monkeypatch.setattr(stream, "_filled", counting)

    def agree(self, source: Any, **options: Any) -> bool:
        """Assert that both ways agree; return whether there is a tape."""
        self._patch.setattr(stream, "LEAST_RECORDS", 0)
        streamed = outcome(source, **options)
        self._patch.setattr(stream, "LEAST_RECORDS", NEVER)
        plain = outcome(source, **options)
        if isinstance(plain, sor.Quotes) and isinstance(streamed, sor.Quotes):
            assert streamed.frame.equals(plain.frame)
            assert streamed.frame.schema == plain.frame.schema
            assert streamed.frame.n_chunks() == 1
            assert streamed.venues.equals(plain.venues)
            for name in ("symbol", "source", "out_of_order", "duplicates", "warnings"):
                assert getattr(streamed, name) == getattr(plain, name)
            return True
        assert streamed == plain
        return False


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    return Ways(monkeypatch)


def outcome(source: Any, **options: Any) -> Any:
    try:
        return read_quotes(source, **options)
    except sor.SorError as error:
        return type(error), str(error)


def odd_prices(rng: random.Random, whole: bool) -> Any:
    if whole:
        return rng.choice([None, 0, -5, UNDEF_PRICE])
    odd = [None, 0.0, -1.0, float("nan"), UNDEF_PRICE / 1e9, 5e-10, 6e-10, 1e-9, 5_000_000.123456789, 9.2e9]
    return rng.choice([*odd, *([9.3e9, float("inf")] if rng.random() < 0.05 else [])])


def table(rng: random.Random) -> pl.DataFrame:
    """Records with something odd among them, and now and then something wrong."""
    frame = table_by_id(rng)
    if rng.random() < 0.3:
        names = pl.Series(
            [
                rng.choice(["N", "", None]) if rng.random() < 0.01 else rng.choice("QNPé")
                for _ in range(len(frame))
            ]
        )
        dtype = rng.choice([pl.String, pl.Categorical, pl.Enum(["P", "", "é", "Q", "N"])])
        frame = frame.drop("publisher_id").with_columns(venue=names.cast(dtype))
    if "symbol" not in frame.columns and rng.random() < 0.2:
        numbers = (
            [rng.choice([7, 7, 8, None]) for _ in range(len(frame))]
            if rng.random() < 0.3
            else [7] * len(frame)
        )
        frame = frame.with_columns(
            instrument_id=pl.Series(numbers, dtype=rng.choice([pl.UInt32, pl.String]), strict=False)
        )
    return frame


def table_by_id(rng: random.Random) -> pl.DataFrame:
    """A table whose venues are publishers' ids."""
    records, whole = rng.randrange(1, 60), rng.random() < 0.5
    good: Callable[[], Any] = (
        (lambda: 10**11 + rng.randrange(5) * 10**7)
        if whole
        else (lambda: round(100 + rng.random(), rng.choice([2, 4, 9, 12])))
    )
    times: list[Any] = [T0 + (rng.randrange(9) if rng.random() < 0.2 else i // 2) for i in range(records)]
    if rng.random() < 0.05:
        times[rng.randrange(records)] = rng.choice([None, 5, 2**63 - 1])
    ids = [rng.choice([None, 70_000]) if rng.random() < 0.002 else rng.choice([2, 9, 65_535]) for _ in times]
    columns: dict[str, Any] = {
        "ts_event": pl.Series(times, dtype=pl.Int64),
        "publisher_id": pl.Series(ids, dtype=rng.choice([pl.UInt16, pl.Int64]), strict=False),
    }
    for side in ("bid", "ask"):
        prices = [odd_prices(rng, whole) if rng.random() < 0.3 else good() for _ in times]
        sizes = [-1 if rng.random() < 0.002 else rng.choice([None, 0, 1, 100]) for _ in times]
        columns[f"{side}_px_00"] = pl.Series(prices, dtype=pl.Int64 if whole else pl.Float64)
        columns[f"{side}_sz_00"] = pl.Series(
            sizes, dtype=rng.choice([pl.UInt32, pl.Int64, pl.Float64]), strict=False
        )
    if rng.random() < 0.5:
        numbers = [rng.randrange(3) for _ in times]
        columns["sequence"] = pl.Series(numbers, dtype=rng.choice([pl.UInt64, pl.UInt32]))
    if whole or rng.random() < 0.3:
        types = [1 if rng.random() < 0.999 else rng.choice([177, 195]) for _ in times]
        columns["rtype"] = pl.Series(types, dtype=pl.UInt8)
    if rng.random() < 0.3:
        columns["symbol"] = rng.choice([["A"] * records, [rng.choice("AB") for _ in times]])
    if rng.random() < 0.3:
        columns["venue"] = [
            f"v{number}" if rng.random() < 0.99 else rng.choice(["x", "", None]) for number in ids
        ]
    if rng.random() < 0.3:
        columns["action"] = ["T" if rng.random() < 0.9 else "A" for _ in times]
    frame = pl.DataFrame(columns)
    if rng.random() < 0.8:
        frame = frame.sort([key for key in ("ts_event", "sequence") if key in columns], maintain_order=True)
    zone = rng.choice([None, "UTC", "no datetimes"])
    return (
        frame
        if zone == "no datetimes"
        else frame.with_columns(pl.col("ts_event").cast(pl.Datetime("ns", zone)))
    )


def test_both_ways_agree_on_tables_with_odd_records(ways: Ways) -> None:
    rng = random.Random(20_240_102)
    examples, tapes = some(1_500, ci=120), 0
    for _ in range(examples):
        frame = table(rng)
        cut = rng.randrange(frame.height)
        tapes += ways.agree([frame.head(cut), frame.slice(cut)] if cut and rng.random() < 0.3 else frame)
    assert min(tapes, ways.streamed, examples - tapes) > examples // 8


def test_both_ways_agree_on_text(ways: Ways, tmp_path: Path) -> None:
    """Text is taken for what its first rows are; what is of another form further down is read all the same."""
    rng = random.Random(7)
    examples, tapes, path = some(600, ci=80, everyday=25), 0, tmp_path / "tape.csv"
    form = {"a": "%Y-%m-%dT%H:%M:%S%.9fZ", "b": "%Y-%m-%d %H:%M:%S%.f", "c": "%Y-%m-%dT%H:%M:%S%.6fZ"}
    for _ in range(examples):
        frame = table(rng)
        if frame.schema["ts_event"] != pl.Int64:
            text = pl.col("ts_event").dt.strftime(form[rng.choice("aab")])
            other = pl.col("ts_event").dt.strftime(form[rng.choice("abc")])
            frame = frame.with_columns(
                ts_event=pl.when(pl.int_range(pl.len()) < rng.choice([20, 100])).then(text).otherwise(other)
            )
        frame.write_csv(
            path, quote_style=rng.choice(["necessary", "always"]), line_terminator=rng.choice(["\n", "\r\n"])
        )
        tapes += ways.agree(path)
    assert min(tapes, ways.streamed or OLD, examples - tapes) > examples // 8


def test_both_ways_agree_on_one_symbol_of_several(ways: Ways) -> None:
    rng = random.Random(11)
    examples, tapes = some(400, ci=60), 0
    for _ in range(examples):
        frame = table(rng).drop("symbol", "instrument_id", strict=False)
        column = rng.choice(
            [
                ("symbol", [rng.choice("AB") for _ in range(len(frame))]),
                ("instrument_id", [rng.choice([4, 5]) for _ in range(len(frame))]),
            ]
        )
        frame = frame.with_columns(pl.Series(*column))
        tapes += ways.agree(frame, symbol=rng.choice(["A", "B", "4", "5"]))
    assert min(tapes, ways.streamed or OLD, examples - tapes) > examples // 8


def test_one_venue_for_all_and_names_by_the_way(ways: Ways) -> None:
    frame = pl.concat([raw().head(1)] * 5).drop("publisher_id")
    assert ways.agree(frame, venue="N")
    names = pl.Series("venue", ["Q", "N", "Q", "A", "A"])
    assert ways.agree(frame.with_columns(names))
    assert ways.streamed == 2
    assert read_quotes(frame.with_columns(names)).venues["name"].to_list() == ["A", "N", "Q"]


def test_what_rounds_to_zero_nanos_is_no_quote(ways: Ways) -> None:
    """The product of the float next to half a nano is rounded to a half at some scales."""
    for scale, half in ((0.01, 5e-8), (1e-9, 0.5), (1.0, 5e-10)):
        prices = [half, math.nextafter(half, 1), 1.01 * half]
        frame = pl.concat([raw().head(1)] * 3).with_columns(bid_px_00=pl.Series(prices))
        assert ways.agree(frame, price_scale=scale)
        bids = read_quotes(frame, price_scale=scale).frame["bid_px"].to_list()
        assert [bid if bid != UNDEF_PRICE else 0 for bid in bids] == [round(p * scale * 1e9) for p in prices]


def test_a_part_without_records_is_an_error_in_both_ways(ways: Ways, tmp_path: Path) -> None:
    assert not ways.agree([raw(), raw().clear()])
    raw().write_csv(tmp_path / "a.csv")
    raw().clear().write_csv(tmp_path / "b.csv")
    assert not ways.agree([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert ways.agree(
        [raw().with_columns(symbol=pl.lit("A")), raw().clear().with_columns(symbol=pl.lit("A"))], symbol="A"
    )


def test_a_parquet_file_is_read_in_its_row_groups(ways: Ways, tmp_path: Path) -> None:
    path = tmp_path / "tape.parquet"
    sor.simulate_quotes(minutes=1, records=3_000, venues=5).write(path)
    pl.read_parquet(path).write_parquet(path, row_group_size=700)
    assert ways.agree(path)
    assert ways.streamed == 1


@pytest.mark.parametrize("at", [250_000, *(pytest.param(at, marks=pytest.mark.slow) for at in (0, 399_999))])
def test_what_is_wrong_in_a_long_table_is_named(tmp_path: Path, at: int) -> None:
    """The batches that are under way are given up, and the row is found."""
    path, records = tmp_path / "tape.parquet", 400_000
    assert records > stream.LEAST_RECORDS
    row = pl.int_range(pl.len())
    frame = pl.concat([raw().head(1)] * records).with_columns(ts_event=row + T0)
    frame = frame.with_columns(ask_px_00=pl.when(row == at).then(9.3e9).otherwise(100.01))
    frame.write_parquet(path, row_group_size=50_000)
    with pytest.raises(sor.DataError, match=rf"tape.parquet: row {at + 1:,}: ask_px_00 is 9300000000.0"):
        read_quotes(path)
    read_quotes(frame.with_columns(ask_px_00=100.01))

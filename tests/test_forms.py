"""Numbers and times in the forms that tables have them in: read to the last digit, or refused with a remedy."""

from __future__ import annotations

import random
import warnings
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from effort import some
from raw_frames import T0, raw
from sor import DataError, ParameterError
from sor.tape import sources, stream
from sor.tape.read import read_quotes, read_trades
from sor.tape.schema import UNDEF_PRICE

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "ts_event,publisher_id,bid_px_00,bid_sz_00,ask_px_00,ask_sz_00\n"


def time_of(tmp_path: Path, text: str, **options: Any) -> int:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEAD}{text},2,1.5,100,1.6,100\n")
    return int(read_quotes(path, **options).frame["ts"][0])


def decimals(values: list[Decimal], scale: int) -> pl.DataFrame:
    asks = pl.Series(values, dtype=pl.Decimal(38, scale))
    return pl.DataFrame(
        {
            "ts_event": range(T0, T0 + len(values)),
            "publisher_id": [2] * len(values),
            "bid_px_00": [1.5] * len(values),
            "bid_sz_00": [100] * len(values),
            "ask_px_00": asks,
            "ask_sz_00": [100] * len(values),
        }
    )


def exact(value: Decimal, worth: Decimal) -> int | None:
    """Nanos of a decimal, half of one to the even; None where it is no price of 64 bits."""
    with localcontext() as context:
        context.prec = 90
        nanos = int((value * worth).quantize(Decimal(1), ROUND_HALF_EVEN))
        return None if value * worth > UNDEF_PRICE else nanos if nanos > 0 else UNDEF_PRICE


ODD = {
    "publisher_id": ["2", "007", "+4", " 5", "5 ", "5.0", "", "-1"],
    "bid_px_00": [
        "1.5",
        "+1.5",
        ".5",
        "5.",
        "1e3",
        "1E+3",
        "inf",
        "-inf",
        "NaN",
        "-0.0",
        " 1.5 ",
        "1_0",
        "0x1",
        "1e-400",
        "x",
    ],
    "bid_sz_00": [
        "5",
        "",
        "007",
        "+5",
        "-0",
        "5.0",
        "1e2",
        "4294967296",
        " 5",
        "5 ",
        "-1",
        "1.",
        "5e-1",
        "9" * 20,
    ],
    "ask_px_00": [
        "100.01",
        "5808983093.0529327392578",
        "0.000700000",
        "4.253252e+04",
        "1.7976931348623157e308",
        "",
    ],
    "ask_sz_00": ["300", "0"],
    "sequence": ["7", " 7", "7 ", "+7", "7.0", "-1", ""],
    "rtype": ["1", " 1", "+1", "1.0", "300"],
    "queue_position": ["0.5", " 0.5", "1 ", "nan", "1e-1", "2", ""],
}


def test_text_is_parsed_alike_by_its_first_rows_and_value_by_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a column is like in its first rows decides how it is parsed, and must not decide what is found."""
    rng, path, opened, tapes = random.Random(9), tmp_path / "a.csv", sources._open_csv, 0
    examples = some(3_000, ci=200, everyday=40)
    for _ in range(examples):
        lines = [",".join(["ts_event", *ODD])]
        for record in range(rng.randrange(1, 5)):
            fields = (rng.choice(forms) if rng.random() < 0.08 else forms[0] for forms in ODD.values())
            lines.append(",".join([str(T0 + record), *fields]))
        path.write_text("\n".join(lines) + "\n")
        found: list[Any] = []
        for form in (opened, lambda *given: replace(opened(*given), quick=None)):
            monkeypatch.setattr(sources, "_open_csv", form)
            try:
                found.append(read_quotes(path).frame.rows())
                tapes += 1
            except DataError as error:
                found.append(str(error))
        assert found[0] == found[1]
    assert examples // 5 < tapes // 2 < examples * 4 // 5


def test_decimals_do_not_pass_through_floats() -> None:
    rng = random.Random(5)
    for _ in range(some(2_000, ci=300, everyday=80)):
        scale, price_scale = rng.randrange(30), rng.choice([None, None, 0.01, 1.0, 1e-9])
        worth = 10**9 * Decimal(repr(1.0 if price_scale is None else price_scale))
        unit = 10 ** max(0, scale - 10)
        odd = [5 * unit, 15 * unit, *((UNDEF_PRICE + i) * 10 ** max(0, scale - 9) for i in (-1, 1))]
        whole = rng.choice([rng.randrange(-10, 10**6), rng.randrange(10 ** rng.randrange(1, 37)), *odd])
        value = Decimal(f"{min(whole, 10**38 - 1)}E-{scale}")
        expected = exact(value, worth)
        frame = decimals([value], scale)
        if expected is None:
            with pytest.raises(DataError, match="row 1: ask_px_00 is Decimal"):
                read_quotes(frame, price_scale=price_scale)
        else:
            assert read_quotes(frame, price_scale=price_scale).frame["ask_px"][0] == expected


@pytest.mark.parametrize("price_scale", [None, 0.01])
@pytest.mark.parametrize("side", ["bid", "ask"])
def test_one_side_of_floats_and_one_of_another_type(
    monkeypatch: pytest.MonkeyPatch, side: str, price_scale: float | None
) -> None:
    """The scale is that of the floats, whichever side they are on, in a long table as in a short one."""
    other = "ask" if side == "bid" else "bid"
    for values in (pl.Series([Decimal("1.25")] * 3, dtype=pl.Decimal(18, 4)), pl.Series([None] * 3)):
        table = decimals([Decimal(1)] * 3, 0).with_columns(
            values.alias(f"{side}_px_00"), pl.lit(1.5).alias(f"{other}_px_00")
        )
        found = []
        for least in (0, 2**60):
            monkeypatch.setattr(stream, "LEAST_RECORDS", least)
            found.append(read_quotes(table, price_scale=price_scale).frame)
        assert found[0].equals(found[1])
        assert found[0][f"{other}_px"][0] == round(1.5e9 * (price_scale or 1))


@pytest.mark.parametrize(
    ("unit", "text", "nanos"),
    [
        ("s", "1704205800.123456789", T0 + 123_456_789),
        ("s", "1704205800", T0),
        ("s", " 1704205800.5 ", T0 + 500_000_000),
        ("ms", "1704205800123.456789", T0 + 123_456_789),
        ("us", "1704205800123456.789", T0 + 123_456_789),
        ("s", "-0.25", -250_000_000),
    ],
)
def test_times_as_text_with_fractions_of_their_unit(tmp_path: Path, unit: str, text: str, nanos: int) -> None:
    assert time_of(tmp_path, text, time_unit=unit) == nanos


@pytest.mark.parametrize("text", ["9" * 23, "9" * 40, "9223372037.5", "noon", "1.2.3"])
def test_numbers_that_are_no_times(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        DataError, match=rf"row 1: ts_event is '{text}'; expected a time from 1678 to 2261 in s"
    ):
        time_of(tmp_path, text, time_unit="s")


@pytest.mark.parametrize(
    ("text", "hours"),
    [("2024-01-02T14:30:00-05", 5), ("2024-01-02 14:30:00+05", -5), ("2024-01-02 14:30:00.000+00", 0)],
)
def test_offsets_of_whole_hours(tmp_path: Path, text: str, hours: int) -> None:
    """As PostgreSQL writes them."""
    assert time_of(tmp_path, text) == T0 + hours * 3_600 * 10**9


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("09:30:00.25", "it looks like a time of day: date= says the day"),
        ("9:30", "it looks like a time of day: date= says the day"),
        ("1704205800.5", "time_unit= reads numbers with a fraction"),
        ("2024-01-02", "such as 2024-01-02T14:30:00.25Z"),
    ],
)
def test_times_of_another_form_say_what_to_do(tmp_path: Path, text: str, remedy: str) -> None:
    with pytest.raises(DataError, match=rf"row 1: ts_event is '{text}'; .*{remedy}"):
        time_of(tmp_path, text)


def test_a_column_of_times_of_day_says_what_to_do() -> None:
    import datetime as dt

    with pytest.raises(DataError, match=r"ts_event is Time; .*date= says the day"):
        read_quotes(raw(ts_event=[dt.time(9, 30)] * 3))


def test_tables_that_another_library_makes_and_polars_does_not_take(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = raw().to_arrow()
    wide = table.set_column(
        table.schema.get_field_index("bid_px_00"),
        "bid_px_00",
        pa.array([Decimal("1.5")] * 3, pa.decimal256(50, 4)),
    )
    with pytest.raises(DataError, match="frame: a Table that cannot be read as a table"):
        read_quotes(wide)
    frame = raw().to_pandas()
    with pytest.raises(DataError, match="frame: two columns are called ask_px_00; expected one"):
        read_quotes(pd.concat([frame, frame[["ask_px_00"]]], axis=1))
    capfd.readouterr()
    place = table.schema.get_field_index("ts_event")
    zoned = table.set_column(place, "ts_event", pa.array([T0] * 3, pa.timestamp("ns", "+05:30")))
    parquet.write_table(zoned, tmp_path / "a.parquet")
    for source in (zoned, tmp_path / "a.parquet", [tmp_path / "a.parquet"]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(
                DataError, match=r"in the zone \+05:30, which has no name; expected times in UTC"
            ):
                read_quotes(source)
    assert capfd.readouterr().err == ""  # the panic of another package is not printed


@pytest.mark.parametrize("source", [b"a.csv", bytearray(b"a.csv")])
def test_bytes_are_no_source(source: Any) -> None:
    with pytest.raises(
        ParameterError, match=rf"source is a builtins\.{type(source).__name__}; expected a path"
    ):
        read_quotes(source)


def trades(**columns: Any) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"ts_event": [T0, T0 + 1], "publisher_id": [2, 2], "price": [1.5, 1.5], "size": [100, 0]}
    )
    return frame.with_columns(**columns)


@pytest.mark.parametrize("sizes", [[100, None], [100.0, float("nan")], [100.0, None]])
def test_a_trade_without_a_size_is_an_error(tmp_path: Path, sizes: list[Any]) -> None:
    """On a quote it is no quote; a trade that shows none is malformed, and one of nought shares is one."""
    quotes = read_quotes(raw().with_columns(publisher_id=pl.lit(2, pl.UInt16)))
    assert read_trades(trades(), quotes=quotes).frame["size"].to_list() == [100, 0]
    wrong = trades(size=pl.Series(sizes))
    wrong.write_csv(tmp_path / "a.csv")
    for source in (wrong, tmp_path / "a.csv"):
        with pytest.raises(
            DataError, match=r"row 2: size is (null|nan|'NaN'); expected a whole number of shares"
        ):
            read_trades(source, quotes=quotes)


@pytest.mark.parametrize("name", ["cond", "correction"])
@pytest.mark.parametrize("values", [[True, False], [{"a": 1}, {"a": 2}]])
def test_codes_are_text_or_numbers(name: str, values: list[Any]) -> None:
    quotes = read_quotes(raw().with_columns(publisher_id=pl.lit(2, pl.UInt16)))
    with pytest.raises(
        DataError, match=rf"column {name} is (Boolean|Struct.*); expected text, or a vendor's numbers"
    ):
        read_trades(trades(**{name: pl.Series(values)}), quotes=quotes)

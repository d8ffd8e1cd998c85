"""What the columns of a tape may look like, and the one form the core sees (MODEL B1, B2).

Every input column becomes a canonical one through a polars expression that is null exactly where the
record is malformed. A good file is therefore read and checked in one streaming pass, and the check is a
null count; only when that is not zero are the rows read again, to say which one is wrong and what would be
right.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from sor.errors import DataError

UNDEF_PRICE = 2**63 - 1
"""DBN's undefined price: a side without a quote."""

TAPE_SCHEMA = {
    "ts": pl.Int64(),
    "venue": pl.UInt16(),
    "bid_px": pl.Int64(),
    "bid_sz": pl.UInt32(),
    "ask_px": pl.Int64(),
    "ask_sz": pl.UInt32(),
}
"""The canonical tape, in this order; `queue_position` (Float64) follows where the input has one."""

TRADE_SCHEMA = {"ts": pl.Int64(), "venue": pl.UInt16(), "price": pl.Int64(), "size": pl.UInt32()}
"""Canonical trades: the same venue index, nanos and shares as the tape they belong to."""

STATUSES = ("filled", "completed", "no_quotes")
"""How a parent order ended (MODEL P2), in the core's order."""

KINDS = ("take", "post", "completion", "unwind")
"""Why shares changed hands (MODEL P5), in the core's order."""

REASONS = ("filled", "partial", "no_quote", "limit", "depleted", "queue", "expired", "crossed")
"""How a child ended, in the core's order."""

_TIME = "integer nanoseconds since the epoch, an ISO 8601 string or a datetime, from 1678 to 2261 (UTC)"
_SIZE = "a whole number of shares from 0 to 4,294,967,295"
_PRICE = "a price in the quote currency below 9,223,372,036 or integer nanos (1e-9)"
_TRADE_PRICE = f"{_PRICE}, above zero"
_ID = "a publisher id from 0 to 65,535"
_NAME = "a venue name"
_SEQUENCE = "a whole number from 0 to 2^64 - 1"
_QUEUE = "a number from 0 (front) to 1 (back)"

# The scale of a price column that holds only whole numbers is read off its size when all there is is text:
# no share costs less than a tenth of a cent.
_LEAST_NANOS = 1_000_000


@dataclass(frozen=True)
class Part:
    """One source of records: a file, or a frame."""

    label: str
    frame: pl.LazyFrame
    schema: pl.Schema
    text: bool = False
    """Every column is a string (CSV), to be parsed here, where a value that does not parse can be named."""
    keep: pl.Expr | None = None
    """The records to read: those of one symbol, say; all by default."""

    def dtype(self, name: str, *expected: str) -> pl.DataType:
        """Return the dtype of a column the part must have."""
        if name not in self.schema:
            wanted = f"column {' or '.join(expected or (name,))}"
            raise DataError(f"{self.label}: no {wanted}; its columns are {', '.join(self.schema) or 'none'}")
        return self.schema[name]


@dataclass(frozen=True)
class Column:
    """A canonical column: how it is made, and how to speak of a value that cannot be."""

    name: str
    raw: str
    expr: pl.Expr
    expects: str


def quote_columns(part: Part, names: list[str]) -> list[Column]:
    """Plan the canonical columns of quotes: those of `TAPE_SCHEMA`, then the optional ones present.

    Args:
        part: The source.
        names: All venue names of the tape in ascending order, for parts without a `publisher_id`. The
            canonical `venue` is the publisher id or else the place in `names`, not yet the dense index.

    Raises:
        DataError: If a column is missing or its dtype cannot be read.

    """
    sides = ("bid", "ask")
    for side in sides:
        part.dtype(f"{side}_px_00")
        part.dtype(f"{side}_sz_00")
    whole = _whole_prices(part, [f"{side}_px_00" for side in sides])
    columns = [_time(part), _venue(part, names)]
    for side in sides:
        columns += _side(part, side, whole)
    return columns + _optional(part)


def trade_columns(part: Part, names: list[str]) -> list[Column]:
    """Plan the canonical columns of trades: those of `TRADE_SCHEMA`, and `sequence` and `cond` if present."""
    part.dtype("price")
    price = _price(part, "price", _whole_prices(part, ["price"]))
    columns = [
        _time(part),
        _venue(part, names),
        # A trade has a price, so what is no quote on a tape is malformed here.
        Column("price", "price", pl.when(price != UNDEF_PRICE).then(price), _TRADE_PRICE),
        Column("size", "size", _size(part, "size"), _SIZE),
        *(column for column in _optional(part) if column.name == "sequence"),
    ]
    if "cond" in part.schema:
        columns.append(Column("cond", "cond", pl.col("cond").cast(pl.String).fill_null(""), "text"))
    return columns


def collect(part: Part, columns: list[Column]) -> pl.DataFrame:
    """Read a part into canonical columns.

    Raises:
        DataError: At the first malformed record, naming source, row, column and value. Rows count from 1
            and leave out a CSV's header line.

    """
    kept = part.frame if part.keep is None else part.frame.filter(part.keep)
    frame = kept.select(column.expr.alias(column.name) for column in columns).collect(engine="streaming")
    nulls = frame.null_count().row(0)
    if any(nulls):
        raise _malformed(part, [column for column, count in zip(columns, nulls, strict=True) if count])
    return frame


def _malformed(part: Part, columns: list[Column]) -> DataError:
    """Name the first row that has no canonical form."""
    found = []
    for column in columns:
        wrong = column.expr.is_null() if part.keep is None else column.expr.is_null() & part.keep
        # The number is taken before the filter: it is the row of the file that is wanted.
        rows = part.frame.select(pl.col(column.raw).alias("value"), wrong=wrong).with_row_index(
            "row", offset=1
        )
        row, value = rows.filter("wrong").select("row", "value").head(1).collect().row(0)
        found.append((row, column, value))
    row, column, value = min(found, key=lambda each: each[0])
    shown = "null" if value is None else repr(value)
    return DataError(f"{part.label}: row {row:,}: {column.raw} is {shown}; expected {column.expects}")


def _time(part: Part) -> Column:
    raw = pl.col("ts_event")
    match part.dtype("ts_event"):
        case pl.Datetime():
            # An aware datetime is UTC underneath; a naive one is taken as UTC.
            expr = (
                raw.to_physical()
                if _unit(part) == "ns"
                else raw.cast(pl.Datetime("ns"), strict=False).to_physical()
            )
        case pl.String():
            expr = pl.coalesce(
                raw.str.strip_chars().cast(pl.Int64, strict=False), _iso(raw.str.strip_chars())
            )
        case dtype if dtype.is_integer():
            expr = raw.cast(pl.Int64, strict=False)
        case dtype:
            raise _wrong_dtype(part, "ts_event", dtype, _TIME)
    return Column("ts", "ts_event", expr, _TIME)


def _unit(part: Part) -> str:
    dtype = part.schema["ts_event"]
    return dtype.time_unit if isinstance(dtype, pl.Datetime) else ""


def _iso(text: pl.Expr) -> pl.Expr:
    """Parse ISO 8601 with a `T` or a blank; with an offset, `Z`, or neither (UTC)."""
    text = text.str.replace("^(.{10}) ", "${1}T").str.replace("[Zz]$", "+0000")
    text = pl.when(text.str.contains(r"T.*[+-]\d\d:?\d\d$")).then(text).otherwise(text + "+0000")
    moment = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="ns", time_zone="UTC", strict=False)
    # A year beyond 64-bit nanoseconds wraps in polars instead of failing.
    year = text.str.head(4).cast(pl.Int32, strict=False)
    return pl.when(year.is_between(1678, 2261)).then(moment.to_physical())


def _venue(part: Part, names: list[str]) -> Column:
    if "publisher_id" in part.schema:
        dtype = part.schema["publisher_id"]
        if not (dtype.is_integer() or (part.text and dtype == pl.String)):
            raise _wrong_dtype(part, "publisher_id", dtype, _ID)
        return Column("venue", "publisher_id", pl.col("publisher_id").cast(pl.UInt16, strict=False), _ID)
    dtype = part.dtype("venue", "publisher_id", "venue")
    if not is_text(dtype):
        raise _wrong_dtype(part, "venue", dtype, f"{_NAME}; numbers go in a column publisher_id")
    code = pl.col("venue").cast(pl.String).cast(pl.Enum(names), strict=False).to_physical().cast(pl.UInt16)
    return Column("venue", "venue", code, _NAME)


def _side(part: Part, side: str, whole: bool) -> list[Column]:
    """Plan price and size of one side; both say so where there is no quote (MODEL B2)."""
    price, size = _price(part, f"{side}_px_00", whole), _size(part, f"{side}_sz_00")
    # The null tests keep a malformed value malformed when the other of the pair says "no quote".
    quoted = pl.when((size == 0) & price.is_not_null()).then(UNDEF_PRICE).otherwise(price)
    shown = pl.when((price == UNDEF_PRICE) & size.is_not_null()).then(pl.lit(0, pl.UInt32)).otherwise(size)
    return [
        Column(f"{side}_px", f"{side}_px_00", quoted, _PRICE),
        Column(f"{side}_sz", f"{side}_sz_00", shown, _SIZE),
    ]


def _price(part: Part, name: str, whole: bool) -> pl.Expr:
    """Plan nanos; `UNDEF_PRICE` where there is none (null, NaN, <= 0, undefined), null where malformed."""
    raw = pl.col(name)
    if part.text:
        raw = raw.str.strip_chars()
        value = raw.cast(pl.Int64 if whole else pl.Float64, strict=False)
        unreadable = value.is_null() & (raw != "")
        nanos = _whole_nanos(value) if whole else _float_nanos(value)
        return pl.when(~unreadable.fill_null(value=False)).then(nanos)
    if whole and part.schema[name] == pl.Int64:
        return _whole_nanos(raw)
    if whole:
        return pl.when(raw > 0).then(raw.cast(pl.Int64, strict=False)).otherwise(UNDEF_PRICE)
    return _float_nanos(raw.cast(pl.Float64))


def _whole_nanos(value: pl.Expr) -> pl.Expr:
    return pl.when(value > 0).then(value).otherwise(UNDEF_PRICE)


def _float_nanos(value: pl.Expr) -> pl.Expr:
    """Plan `round_half_even(value * 1e9)` (MODEL N1); what rounds to zero is no quote."""
    # The product stands here once: polars would compute it again for every test made on it.
    # Half a nano is the largest float that rounds to zero.
    is_price = (value > 0.5e-9) & (value != UNDEF_PRICE / 1e9) & value.is_not_nan()
    nanos = (value * 1e9).round(0, mode="half_to_even").cast(pl.Int64, strict=False)
    return pl.when(is_price).then(nanos).otherwise(UNDEF_PRICE)


def _size(part: Part, name: str) -> pl.Expr:
    """Plan whole shares, 0 for null; null where it is negative or does not fit."""
    raw, dtype = pl.col(name), part.dtype(name)
    if part.text:
        raw = raw.str.strip_chars()
        return (
            pl.when(raw.is_null() | (raw == ""))
            .then(pl.lit(0, pl.UInt32))
            .otherwise(raw.cast(pl.UInt32, strict=False))
        )
    if dtype == pl.UInt32:
        return raw.fill_null(0)
    if dtype.is_integer() or dtype == pl.Null:
        return pl.when(raw.is_null()).then(pl.lit(0, pl.UInt32)).otherwise(raw.cast(pl.UInt32, strict=False))
    raise _wrong_dtype(part, name, dtype, _SIZE)


def _optional(part: Part) -> list[Column]:
    columns = []
    if (dtype := part.schema.get("sequence")) is not None:
        if not (dtype.is_integer() or part.text):
            raise _wrong_dtype(part, "sequence", dtype, _SEQUENCE)
        columns.append(
            Column("sequence", "sequence", pl.col("sequence").cast(pl.UInt64, strict=False), _SEQUENCE)
        )
    if (dtype := part.schema.get("queue_position")) is not None:
        if not (dtype.is_numeric() or part.text):
            raise _wrong_dtype(part, "queue_position", dtype, _QUEUE)
        value = pl.col("queue_position").cast(pl.Float64, strict=False)
        columns.append(
            Column("queue_position", "queue_position", pl.when(value.is_between(0, 1)).then(value), _QUEUE)
        )
    return columns


def _whole_prices(part: Part, names: list[str]) -> bool:
    """Tell whether the prices are integers in nanos rather than currency; one answer for both sides."""
    if part.text:
        return _whole_text(part, names)
    kinds = {}
    for name in names:
        dtype = part.schema[name]
        if dtype == pl.Float32:
            right = (
                "Float64 (a 32-bit float holds seven digits: cast it and round to the tick) or integer nanos"
            )
            raise _wrong_dtype(part, name, dtype, right)
        if dtype.is_integer():
            kinds[name] = True
        elif dtype == pl.Float64 or dtype.is_decimal():
            kinds[name] = False
        elif dtype != pl.Null:
            raise _wrong_dtype(part, name, dtype, _PRICE)
    if len(set(kinds.values())) > 1:
        found = " and ".join(f"{name} {part.schema[name]}" for name in names)
        raise DataError(
            f"{part.label}: {found}; expected both in currency (Float64) or both in integer nanos"
        )
    return any(kinds.values())


def _whole_text(part: Part, names: list[str]) -> bool:
    """Tell the same for text: nanos if no price has a decimal point, exponent or anything else but digits."""
    texts = [pl.col(name).str.strip_chars() for name in names]
    whole = [text.str.contains(r"^[+-]?\d*$").all() for text in texts]
    largest = [text.cast(pl.Int64, strict=False).replace(UNDEF_PRICE, None).max() for text in texts]
    query = part.frame.select(
        pl.all_horizontal(whole).alias("whole"), pl.max_horizontal(largest).alias("largest")
    )
    is_whole, top = query.collect(engine="streaming").row(0)
    if is_whole and top is not None and 0 < top < _LEAST_NANOS:
        raise DataError(
            f"{part.label}: {' and '.join(names)} hold only whole numbers, up to {top:,}, "
            f"which as nanos is {top / 1e9:g}; expected prices in currency with a decimal point (101.0), "
            "or in nanos (101000000000)"
        )
    return bool(is_whole)


def is_text(dtype: pl.DataType) -> bool:
    """Tell whether a column holds names."""
    return isinstance(dtype, pl.String | pl.Categorical | pl.Enum)


def _wrong_dtype(part: Part, name: str, dtype: pl.DataType, right: str) -> DataError:
    return DataError(f"{part.label}: column {name} is {dtype}; expected {right}")

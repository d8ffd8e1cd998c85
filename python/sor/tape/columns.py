"""How the canonical columns of quotes and trades are made from a source's own (rules B1, B2, B9, B10)."""

from __future__ import annotations

import math
from fractions import Fraction

import polars as pl

from sor.errors import DataError
from sor.tape.clocks import time_column
from sor.tape.options import CONSOLIDATED_NAMES, NANOS, Options
from sor.tape.schema import UNDEF_PRICE, Column, Part, Plain, is_text, wrong_dtype

_WHOLE_SIZE = "a whole number of shares from 0 to 4,294,967,295"
_PRICE = "a price in the quote currency below 9,223,372,036 or integer nanos (1e-9)"
_TRADE_PRICE = f"{_PRICE}, above zero"
_ID = "a publisher id from 0 to 65,535"
_NAME = "a venue name"
_SEQUENCE = "a whole number from 0 to 2^64 - 1"
_QUEUE = "a number from 0 (front) to 1 (back)"
_CATEGORY = pl.Categorical()
_SLICES_BYTES = hasattr(pl.col("a").bin, "slice")

CONSOLIDATED_RTYPES = (177, 192, 193, 194)
"""CMBP-1, CBBO-1s, CBBO-1m and TCBBO."""


def quote_columns(part: Part, options: Options) -> list[Column]:
    """Plan the canonical columns of quotes: those of `TAPE_SCHEMA`, then what else is needed of those present.

    `venue` is the publisher id or else a category of names, not yet the dense index; `name` a category of names
    beside an id, `symbol` one of symbols; `rtype`, and `trade` (whether the record is one), are for checks.

    Raises:
        DataError: If a column is missing or its dtype cannot be read, or the records are of no single venue.

    """
    refuse_consolidated(part, options)
    sides = ("bid", "ask")
    for side in sides:
        part.dtype(f"{side}_px_00")
        part.dtype(f"{side}_sz_00")
    whole = _whole_prices(part, [f"{side}_px_00" for side in sides], options)
    columns = [time_column(part, options), *_venue(part, options)]
    for side in sides:
        columns += _side(part, side, whole, options)
    columns += _optional(part)
    if "rtype" in part.schema:
        columns.append(_rtype(part))
    if "action" in part.schema and is_text(part.schema["action"]):
        trade = (pl.col("action").cast(pl.String) == "T").fill_null(value=False)
        columns.append(Column("trade", "action", trade, "text"))
    return columns


def trade_columns(part: Part, options: Options) -> list[Column]:
    """Plan the canonical columns of trades: those of `TRADE_SCHEMA`, and what else is needed of those present."""
    part.dtype("price")
    price = _price(part, "price", _whole_prices(part, ["price"], options), options)
    columns = [
        time_column(part, options),
        *_venue(part, options),
        # A trade has a price, so what is no quote on a tape is malformed here.
        Column("price", "price", pl.when(price != UNDEF_PRICE).then(price), _TRADE_PRICE),
        Column(
            "size",
            "size",
            pl.when(_is_given(part, "size")).then(_size(part, "size", options)),
            _size_expected(options),
        ),
        *(column for column in _optional(part) if column.name != "queue_position"),
    ]
    for name in ("cond", "correction"):
        if name in part.schema:
            columns.append(Column(name, name, _codes(part, name), "text"))
    return columns


def refuse_consolidated(part: Part, options: Options) -> None:
    """Refuse records in which each side names a venue of its own (rule B9).

    Raises:
        DataError: Saying why.

    """
    named = [part.theirs.get(name, name) for name in CONSOLIDATED_NAMES if name in part.schema]
    databento = any(name.endswith("_pb_00") for name in named) or part.rtype in CONSOLIDATED_RTYPES
    if databento or (named and options.venue is None):
        found = f"columns {', '.join(named)}" if named else f"record type {part.rtype}"
        raise DataError(
            f"{part.label}: these are consolidated records ({found}): each side names a venue of its own, and what "
            "the other venues show is not in them, so no order can be routed; expected each venue's own quotes "
            "(mbp-1, bbo-1s)" + ("" if databento else ", or venue= to take all as the quotes of one venue")
        )


def _rtype(part: Part) -> Column:
    number = _number(part, "rtype").cast(pl.UInt8, strict=False)
    return Column("rtype", "rtype", number, "a record type from 0 to 255")


def _number(part: Part, name: str) -> pl.Expr:
    """Plan a column of numbers, of a text without the blanks around it, as its typed form is parsed."""
    raw = pl.col(name)
    return raw.str.strip_chars() if part.text and part.schema[name] == pl.String else raw


def _venue(part: Part, options: Options) -> list[Column]:
    columns = []
    if options.venue is not None:
        text = pl.lit(options.venue)
        columns.append(
            Column("venue", part.schema.names()[0], text.cast(_CATEGORY), _NAME, plain=Plain(text))
        )
    elif "publisher_id" in part.schema:
        dtype = part.schema["publisher_id"]
        if not (dtype.is_integer() or (part.text and dtype == pl.String)):
            raise wrong_dtype(part, "publisher_id", dtype, f"{_ID}; names go in a column venue")
        code = _number(part, "publisher_id").cast(pl.UInt16, strict=False)
        columns.append(Column("venue", "publisher_id", code, _ID))
        if "venue" in part.schema and is_text(part.schema["venue"]):
            text = pl.col("venue").cast(pl.String).fill_null("")
            columns.append(Column("name", "venue", text.cast(_CATEGORY), _NAME, plain=Plain(text)))
    else:
        dtype = part.dtype("venue", "publisher_id", "venue")
        if not is_text(dtype):
            right = f"{_NAME}; numbers go in a column publisher_id (columns={{'venue': 'publisher_id'}})"
            raise wrong_dtype(part, "venue", dtype, right)
        text = pl.col("venue").cast(pl.String)
        text = pl.when(text != "").then(text)
        columns.append(Column("venue", "venue", text.cast(_CATEGORY), _NAME, plain=Plain(text)))
    if (column := symbol_column(part)) is not None:
        text = pl.col(column).cast(pl.String).fill_null("")
        # Numbers stay numbers where only the few that there are become text.
        plain = Plain(pl.col(column) if part.schema[column].is_integer() else text)
        columns.append(Column("symbol", column, text.cast(_CATEGORY), "a symbol", plain=plain))
    return columns


def symbol_column(part: Part) -> str | None:
    """Find the column that names the instrument."""
    return next((name for name in ("symbol", "instrument_id") if name in part.schema), None)


def _side(part: Part, side: str, whole: bool, options: Options) -> list[Column]:
    """Plan price and size of one side, each for itself; `collect` clears both where one says there is no quote."""
    name = f"{side}_px_00"
    plain = _plain_price(part, name, whole, options)
    return [
        Column(f"{side}_px", name, _price(part, name, whole, options), _PRICE, plain=plain),
        Column(f"{side}_sz", f"{side}_sz_00", _size(part, f"{side}_sz_00", options), _size_expected(options)),
    ]


def _price(part: Part, name: str, whole: bool, options: Options) -> pl.Expr:
    """Plan nanos; `UNDEF_PRICE` where there is none (null, NaN, <= 0, undefined), null where malformed."""
    raw, dtype = pl.col(name), part.schema[name]
    if isinstance(dtype, pl.Binary):
        return _fixed_price(raw)
    if part.text and dtype == pl.String:
        raw = raw.str.strip_chars()
        value = raw.cast(pl.Int64 if whole else pl.Float64, strict=False)
        unreadable = value.is_null() & (raw != "")
        nanos = _whole_nanos(value, options.nanos_per_price) if whole else _float_nanos(value, options)
        return pl.when(~unreadable.fill_null(value=False)).then(nanos)
    if whole:
        return _whole_nanos(raw, options.nanos_per_price)
    if isinstance(dtype, pl.Decimal):
        return _decimal_nanos(raw, dtype, options)
    return _float_nanos(raw.cast(pl.Float64), options)


def _decimal_nanos(raw: pl.Expr, dtype: pl.Decimal, options: Options) -> pl.Expr:
    """Plan nanos of decimals without a float between: half of one goes to the even."""
    worth = Fraction(NANOS if options.price_scale is None else options.nanos_per_price, 10**dtype.scale)
    above, below = (pl.lit(each, pl.Int128) for each in worth.as_integer_ratio())
    units = raw.to_physical().cast(pl.Int128)
    # What is larger than any price must not be multiplied.
    most = min(2**127 - 1, UNDEF_PRICE * worth.denominator) // worth.numerator
    scaled = pl.when(units <= pl.lit(most, pl.Int128)).then(units) * above
    whole, twice = scaled // below, scaled % below * 2
    up = (twice > below) | ((twice == below) & (whole % 2 == 1))
    nanos = (whole + up.cast(pl.Int128)).cast(pl.Int64, strict=False)
    return pl.when((units > 0) & nanos.ne_missing(0)).then(nanos).otherwise(UNDEF_PRICE)


def _plain_price(part: Part, name: str, whole: bool, options: Options) -> Plain | None:
    raw, dtype = pl.col(name), part.schema[name]
    if whole and dtype == pl.Int64 and options.nanos_per_price == 1:
        return Plain(raw.fill_null(0))
    if not whole and dtype == pl.Float64:
        return Plain(raw.fill_null(float("nan")), scale=_scale(options))
    return None


def _scale(options: Options) -> float:
    return float(options.nanos_per_price) if options.price_scale is not None else 1e9


def _whole_nanos(value: pl.Expr, factor: int) -> pl.Expr:
    """Plan nanos of whole numbers worth `factor` nanos each; null where they do not fit."""
    number = value.cast(pl.Int64, strict=False)
    if factor != 1:
        number = pl.when(number <= (UNDEF_PRICE - 1) // factor).then(number * factor)
    return pl.when((value > 0) & (value != UNDEF_PRICE)).then(number).otherwise(UNDEF_PRICE)


def _float_nanos(value: pl.Expr, options: Options) -> pl.Expr:
    """Plan `round_half_even(value * 1e9)` (rule N1); what rounds to zero is no quote."""
    # The product stands here once: polars would compute it again for every test made on it.
    scale = _scale(options)
    is_price = (value > _largest_nought(scale)) & (value != UNDEF_PRICE / 1e9) & value.is_not_nan()
    nanos = (value * scale).round(0, mode="half_to_even").cast(pl.Int64, strict=False)
    return pl.when(is_price).then(nanos).otherwise(UNDEF_PRICE)


def _largest_nought(scale: float) -> float:
    """Return the largest float that rounds to zero nanos: half of one, or what is next to it."""
    value = 0.5 / scale
    while round(math.nextafter(value, math.inf) * scale) == 0:
        value = math.nextafter(value, math.inf)
    return value


def _fixed_point(raw: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Plan the whole number in nautilus' fixed-point bytes, and how many of it make one: 16 bytes or 8 of them.

    Null where there are neither 8 nor 16.
    """
    low = raw.bin.slice(0, 8).bin.reinterpret(dtype=pl.UInt64, endianness="little").cast(pl.Int128)
    high = raw.bin.slice(8, 8).bin.reinterpret(dtype=pl.Int64, endianness="little").cast(pl.Int128)
    short = raw.bin.slice(0, 8).bin.reinterpret(dtype=pl.Int64, endianness="little").cast(pl.Int128)
    length = raw.bin.size()
    whole = pl.when(length == 16).then(high * pl.lit(2**64, pl.Int128) + low).when(length == 8).then(short)
    return whole, pl.when(length == 16).then(pl.lit(10**16, pl.Int128)).otherwise(pl.lit(10**9, pl.Int128))


def _fixed_price(raw: pl.Expr) -> pl.Expr:
    whole, one = _fixed_point(raw)
    per_nano = one // pl.lit(10**9, pl.Int128)
    nanos = pl.when(whole % per_nano == 0).then(whole // per_nano).cast(pl.Int64, strict=False)
    return pl.when(raw.is_null() | (whole <= 0)).then(UNDEF_PRICE).otherwise(nanos)


def _size_expected(options: Options) -> str:
    if options.size_unit is None:
        return f"{_WHOLE_SIZE} (size_unit= for fractions)"
    return f"a multiple of size_unit = {options.size_unit:g}, up to 4,294,967,295 of it"


def _size(part: Part, name: str, options: Options) -> pl.Expr:
    """Plan whole units, 0 for null and NaN; null where it is negative, has a fraction, or does not fit."""
    raw, dtype = pl.col(name), part.dtype(name)
    if isinstance(dtype, pl.Binary):
        whole, one = _fixed_point(raw)
        # The rest apart: the whole has more digits than a float.
        number = (whole // one).cast(pl.Float64) + (whole % one).cast(pl.Float64) / one.cast(pl.Float64)
        value = pl.when(whole.is_not_null()).then(number).otherwise(-1.0)
        units = _float_size(value, options)
        return pl.when(raw.is_null()).then(pl.lit(0, pl.UInt32)).otherwise(units)
    if part.text and dtype == pl.String:
        text = raw.str.strip_chars()
        number = text.cast(pl.Float64, strict=False)
        units = _float_size(number, options)
        return (
            pl.when(text.is_null() | (text == ""))
            .then(pl.lit(0, pl.UInt32))
            .otherwise(pl.when(number.is_not_null()).then(units))
        )
    if dtype.is_float() or dtype.is_decimal():
        return _float_size(raw.cast(pl.Float64), options)
    if dtype.is_integer() or dtype == pl.Null:
        if options.size_unit is not None and options.size_unit != 1:
            return _float_size(raw.cast(pl.Float64), options)
        if dtype == pl.UInt32 and options.size_scale == 1:
            return raw.fill_null(0)
        scaled = raw.cast(pl.Int64, strict=False)
        if options.size_scale != 1:
            scaled = pl.when(scaled < 2**40).then(scaled * options.size_scale)
        return (
            pl.when(raw.is_null()).then(pl.lit(0, pl.UInt32)).otherwise(scaled.cast(pl.UInt32, strict=False))
        )
    raise wrong_dtype(part, name, dtype, _size_expected(options))


def _is_given(part: Part, name: str) -> pl.Expr:
    """Plan whether there is a number: of a trade none is none of nought."""
    raw, dtype = pl.col(name), part.dtype(name)
    if dtype == pl.String:
        text = raw.str.strip_chars()
        return (text != "") & ~text.str.to_lowercase().str.ends_with("nan")
    return raw.is_not_null() & raw.is_not_nan() if dtype.is_float() else raw.is_not_null()


def _float_size(value: pl.Expr, options: Options) -> pl.Expr:
    """Plan whole units of numbers that may be typed as floats; a thousandth of a unit is a float's own error."""
    units = value / options.size_unit if options.size_unit is not None else value * options.size_scale
    near = units.round()
    whole = pl.when((units - near).abs() <= (1e-3 if options.size_unit is not None else 0.0)).then(near)
    none = value.is_null() | value.is_nan()
    return pl.when(none).then(pl.lit(0, pl.UInt32)).otherwise(whole.cast(pl.UInt32, strict=False))


def _codes(part: Part, name: str) -> pl.Expr:
    """Plan codes as text; a vendor's numbers, alone or in a list, stand between commas: `,14,41,`."""
    raw, dtype = pl.col(name), part.schema[name]
    if isinstance(dtype, pl.List):
        entries = raw.cast(pl.List(pl.String)).list.join(",")
    elif dtype.is_integer() or dtype.is_float():
        entries = raw.cast(pl.Int64, strict=False).cast(pl.String)
    elif is_text(dtype) or dtype in (pl.Binary, pl.Null):
        return raw.cast(pl.String).fill_null("")
    else:
        raise wrong_dtype(part, name, dtype, "text, or a vendor's numbers, alone or in a list")
    return pl.when(entries.is_null() | (entries == "")).then(pl.lit("")).otherwise(pl.format(",{},", entries))


def _optional(part: Part) -> list[Column]:
    columns = []
    if (dtype := part.schema.get("sequence")) is not None:
        if not (dtype.is_integer() or (part.text and dtype == pl.String)):
            raise wrong_dtype(part, "sequence", dtype, _SEQUENCE)
        number = _number(part, "sequence").cast(pl.UInt64, strict=False)
        columns.append(Column("sequence", "sequence", number, _SEQUENCE))
    if (dtype := part.schema.get("queue_position")) is not None:
        if not (dtype.is_numeric() or (part.text and dtype == pl.String)):
            raise wrong_dtype(part, "queue_position", dtype, _QUEUE)
        value = _number(part, "queue_position").cast(pl.Float64, strict=False)
        column = pl.when(value.is_between(0, 1)).then(value)
        columns.append(Column("queue_position", "queue_position", column, _QUEUE))
    return columns


def _whole_prices(part: Part, names: list[str], options: Options) -> bool:
    """Tell whether the prices are integers; one answer for both sides.

    Raises:
        DataError: If nothing says what one of the integers is worth (rule B10).

    """
    if part.text and part.schema[names[0]] == pl.String:
        texts = [pl.col(name).str.strip_chars() for name in names]
        digits = pl.all_horizontal(text.str.contains(r"^[+-]?\d*$").all() for text in texts)
        present = pl.any_horizontal((text != "").any() for text in texts)
        is_whole = bool(part.frame.select(digits & present).collect(engine="streaming").item())
    else:
        is_whole = _whole_dtypes(part, names)
    if is_whole and options.price_scale is None and part.rtype is None and part.kind is None:
        columns = " and ".join(part.theirs.get(name, name) for name in names)
        raise DataError(
            f"{part.label}: {columns} hold only whole numbers; expected prices in currency with a decimal point "
            "(101.0), or price_scale= to say what one is worth: 1e-9 (nanos), 0.0001 (as LOBSTER), 1 (currency)"
        )
    return is_whole


def _whole_dtypes(part: Part, names: list[str]) -> bool:
    kinds = {}
    for name in names:
        dtype = part.schema[name]
        if dtype == pl.Float32:
            right = (
                "Float64 (a 32-bit float holds seven digits: cast it and round to the tick) or integer nanos"
            )
            raise wrong_dtype(part, name, dtype, right)
        if dtype.is_integer():
            kinds[name] = True
        elif dtype == pl.Float64 or dtype.is_decimal() or (isinstance(dtype, pl.Binary) and _SLICES_BYTES):
            kinds[name] = False
        elif dtype != pl.Null:
            newer = " (fixed-point bytes need a newer polars)" if isinstance(dtype, pl.Binary) else ""
            raise wrong_dtype(part, name, dtype, _PRICE + newer)
    if len(set(kinds.values())) > 1:
        found = " and ".join(f"{part.theirs.get(name, name)} {part.schema[name]}" for name in names)
        raise DataError(f"{part.label}: {found}; expected both in currency (Float64) or both whole numbers")
    return any(kinds.values())

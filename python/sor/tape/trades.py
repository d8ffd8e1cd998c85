"""Which prints are executions against the quotes: sale conditions, corrections, repeats (rule C10).

A print that was reported late, out of sequence, at an average or an earlier price, or that repeats an auction's
price says nothing about who traded with the quotes at its time; a resting order must not be filled by it.

Codes and meanings are those of the CTS Output Multicast Interface Specification (sale condition, four categories) and
of the UTP Trade Data Feed, as Interactive Brokers ("Trade Conditions"), Nasdaq ("Last Sale" of its cloud data service,
levels 1 to 4) and dxFeed ("TimeAndSale Sale Conditions", with what updates last, high and low) quote them. The plans'
own question is another one, whether a print moves the consolidated last sale: they say yes to acquisitions,
distributions, splits, crosses and stopped stock, whose prices were agreed elsewhere, and no to odd lots and extended
hours, which trade with the quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from sor.errors import DataError, ParameterError, shown
from sor.settings.checks import entries

if TYPE_CHECKING:
    from collections.abc import Sequence

CONDITIONS_AS_OF = date(2025, 1, 1)
"""The day for which `SALE_CONDITIONS` holds: 7 was reserved once, and N is reserved in CTS now."""

_SALES = """
blank | regular sale, or the field is not used              | yes
@     | regular sale                                        | yes
A     | acquisition                                         | no
B     | average price (CTA); bunched (UTP)                  | no
C     | cash sale: settles the same day                     | no
D     | distribution                                        | no
E     | automatic execution                                 | yes
F     | intermarket sweep                                   | yes
G     | bunched, sold                                       | no
H     | price variation                                     | no
I     | odd lot                                             | yes
K     | Rule 127 (NYSE), Rule 155 (AMEX)                    | no
L     | sold last: late, in sequence                        | no
M     | market centre's official close                      | no
N     | next day: settles the next day                      | no
O     | opening print of a market centre                    | no
P     | prior reference price                               | no
Q     | market centre's official open                       | no
R     | seller: settles later                               | no
S     | split                                               | no
T     | extended hours                                      | yes
U     | extended hours, sold out of sequence                | no
V     | contingent                                          | no
W     | average price (UTP)                                 | no
X     | cross                                               | no
Y     | yellow flag: regular                                | yes
Z     | sold: late, out of sequence                         | no
1     | stopped stock, regular                              | no
2     | stopped stock, sold last                            | no
3     | stopped stock, sold                                 | no
4     | derivatively priced                                 | no
5     | reopening print of a market centre                  | no
6     | closing print of a market centre                    | no
7     | qualified contingent                                | no
8     | placeholder                                         | yes
9     | corrected consolidated close                        | no
o     | odd lot (Nasdaq's last sale)                        | yes
x     | odd lot cross (Nasdaq's last sale)                  | no
"""

_CELLS = [[cell.strip() for cell in line.split("|")] for line in _SALES.split("\n") if line]

SALE_CONDITIONS = pl.DataFrame(
    {
        "code": [" " if code == "blank" else code for code, _, _ in _CELLS],
        "meaning": [meaning for _, meaning, _ in _CELLS],
        "executes": [executes == "yes" for _, _, executes in _CELLS],
    }
)
"""The one-letter sale conditions of the US consolidated tapes (CTA's CTS, UTP's UTDF), and which of them execute.

Upper and lower case are different codes.
A code that both plans use with different meanings executes only if it does in both. What is not listed executes.
"""

NON_EXECUTING = tuple(code for code, _, executes in _CELLS if executes == "no")
"""The codes that `read_trades` leaves out."""

KEPT_CORRECTIONS = ("", "0", "1")
"""TAQ's correction indicators of trades that stand: never corrected, and the corrected record itself.

The rest is left out: 07 and 08, later found in error or cancelled, and the records that say so: 10, 11 and 12.
"""

_DAY = 86_400 * 10**9
_LISTED = pl.col("field").str.contains(r"^\s*,|^\s*\d+(\s*[,;]\s*\d+)+\s*$|^\s*\d\d+\s*$")


@dataclass(frozen=True)
class Cleaned:
    """What is left of the prints, and how many went for what reason."""

    frame: pl.DataFrame
    excluded: int
    corrected: int
    repeated: int


def clean(frame: pl.DataFrame, exclude: Sequence[str | int]) -> Cleaned:
    """Leave out what is no execution, then what was corrected away, then exact repeats.

    Args:
        frame: Checked records with `ts`, `venue`, `price`, `size` and, where the source has them, `sequence`, `cond`
            and `correction`.
        exclude: Conditions to leave out (see `read_trades`).

    """
    kept = frame if "cond" not in frame.columns else frame.filter(~_has_any(frame["cond"], exclude))
    standing = kept
    if "correction" in kept.columns:
        code = pl.col("correction").str.strip_chars(" ,").str.strip_chars_start("0")
        standing = kept.filter(code.is_in(KEPT_CORRECTIONS))
    unique = standing
    if "sequence" in standing.columns:
        # A venue's numbers begin anew each day.
        unique = (
            standing.with_columns(day=pl.col("ts") // _DAY)
            .unique(["day", "venue", "sequence", "price", "size"], keep="first", maintain_order=True)
            .drop("day")
        )
    return Cleaned(
        frame=unique.drop("cond", "correction", strict=False),
        excluded=frame.height - kept.height,
        corrected=kept.height - standing.height,
        repeated=standing.height - unique.height,
    )


def read_conditions(value: object) -> tuple[str | int, ...]:
    """Check `exclude_conditions`: letters, or numbers as some vendors have them.

    Raises:
        ParameterError: If it is neither.

    """
    right = "a sequence of one-letter sale conditions such as ('Z', '4'), or of a vendor's numbers"
    codes = entries("exclude_conditions", value, right)
    if not all(
        (isinstance(each, str) and each) or (isinstance(each, int) and not isinstance(each, bool))
        for each in codes
    ):
        raise ParameterError(f"exclude_conditions must be {right}, got {shown(value)}")
    return tuple(codes)


def _has_any(conditions: pl.Series, exclude: Sequence[str | int]) -> pl.Series:
    """Tell which trades have any of the conditions: letters in a field of letters, or whole entries of a list."""
    numbers = [str(each) for each in exclude if isinstance(each, int) or len(each) > 1]
    letters = [each for each in exclude if isinstance(each, str) and len(each) == 1]
    # Distinct fields are few: each is looked at once.
    fields = pl.DataFrame({"field": conditions.unique()})
    hit = pl.lit(value=False)
    if letters:
        hit = hit | (~_LISTED & pl.col("field").str.contains_any(letters))
    for number in numbers:
        hit = hit | pl.col("field").str.contains(rf"(^|[,;\s])0*{re.escape(number)}([,;\s]|$)")
    return conditions.is_in(fields.filter(hit)["field"].implode())


def require_listed_codes(conditions: pl.Series, label: str, exclude: Sequence[str | int]) -> None:
    """Refuse a vendor's numbers where only letters are left out: nothing would be.

    Raises:
        DataError: Saying what to give.

    """
    if not exclude or any(isinstance(each, int) or len(each) > 1 for each in exclude):
        return
    listed = pl.DataFrame({"field": conditions.unique()}).filter(_LISTED)["field"].sort()
    if len(listed):
        raise DataError(
            f"{label}: cond holds numbers such as {listed[0].strip(',')}, which are a vendor's own; expected "
            "exclude_conditions= with the numbers of prints that are not executions, or ()"
        )

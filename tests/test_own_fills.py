"""Fill models of one's own: tables, Python functions and compiled ones (rule Q4)."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import reference as ref
import sor
from compiled_library import address, capsule
from effort import enough, some
from hours import random_replays
from ledgers import ledger_bytes, serialized
from sor.replay.ledger import TABLES
from tapes import Case, assert_agree, read_tape

if TYPE_CHECKING:
    import ctypes

QUOTES = sor.simulate_quotes(venues=3, minutes=12, seed=3)
ORDERS = sor.orders_every(side="buy", quantity=2_000, horizon="1m", every="1m")
ROUTERS = (sor.StaticRouter(), sor.StaticRouter(plan="fills", overbook=1.3, lambda_over=0.0))


def thins(child: sor.FillChild, quote: sor.FillQuote, share: float = 0.5) -> tuple[float, int]:
    """The more is sent, the less of it is filled; the price is worse by a few nanos."""
    most = min(child.quantity, quote.available)
    shares = most * (share * quote.displayed / (quote.displayed + most))
    return shares, quote.price + child.sign * (quote.age % 7 + child.now % 3)


def queue(child: sor.FillChild, quote: sor.FillQuote) -> tuple[float, int]:
    return min(child.quantity, quote.available) * (1 - quote.queue_position), quote.price


def random_fill(rng: random.Random) -> Any:
    mode = rng.choice(["expected", "expected", "sampled"])
    if rng.random() < 0.4:
        return ref.FunctionModel(rng.choice([thins, queue]), mode)
    displayed = sorted(rng.sample([0, 7, 60, 100, 180, 300, 900], rng.randint(1, 4)))
    sent = sorted(rng.sample([0, 1, 30, 100, 150, 250, 500], rng.randint(1, 4)))
    slips = rng.random() < 0.7
    return ref.TableModel(
        tuple(
            (d, s, rng.choice([0.0, 1.0, rng.random()]), rng.uniform(-0.002, 0.004) if slips else 0.0)
            for d in displayed
            for s in sent
        ),
        mode,
    )


def test_the_core_agrees_with_the_reference() -> None:
    met: Counter[str] = Counter()
    for seed in range(some(400, ci=30)):
        rng = random.Random(f"fills {seed}")
        days = random_replays(rng, 6)
        cases = [
            Case(
                case.order,
                dataclasses.replace(case.policy, overbook=1.3)
                if case.policy.plan == "fills"
                else case.policy,
                dataclasses.replace(case.settings, fill=random_fill(rng)),
            )
            for case in days.cases
        ]
        if not cases:
            continue
        context = f"seed {seed}: {days.raw}, {days.trades}"
        met += assert_agree(
            read_tape(days.raw, days.trades), days.records, cases, trades=days.trades, context=context
        )
        for case in cases:
            met[f"{type(case.settings.fill).__name__} {case.settings.fill.kind}"] += 1
            met["planned"] += case.policy.plan == "fills"
            met["latency"] += any(venue.latency for venue in case.settings.venues)
            met["halts"] += bool(case.settings.halts)
    kinds = [f"{kind} {mode}" for kind in ("TableModel", "FunctionModel") for mode in ("expected", "sampled")]
    wanted = (*kinds, "planned", "latency", "halts", "take", "partial", "queue", "filled")
    assert not [name for name in wanted if met[name] < enough(10)], met


def tables(result: sor.Backtest) -> list[bytes]:
    return [serialized(getattr(result.ledger, name)) for name in TABLES]


def played(fill: Any, router: Any = ROUTERS[0], threads: int = 1, **more: Any) -> sor.Backtest:
    market = sor.Market(fill=fill, latency="2ms")
    run = sor.Run(threads=threads, progress=False, **more)
    return sor.backtest(QUOTES, ORDERS, router, market=market, run=run)


def constant(probability: float, slippage: float = 0.0, **drawn: Any) -> sor.FillTable:
    nodes = [(d, s) for d in (1, 100, 1_000) for s in (1, 100, 1_000)]
    return sor.FillTable([(*node, probability, slippage) for node in nodes], **drawn)


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize("drawn", [{}, {"mode": "sampled", "seed": 5}])
def test_a_constant_table_is_the_built_in_model(router: Any, drawn: Any) -> None:
    queue_aware = sor.QueueAware(max_fill=0.9, queue_position=0.25, impact=0.0, **drawn)
    assert tables(played(constant(0.9 * 0.75, **drawn), router)) == tables(played(queue_aware, router))
    if not drawn:
        assert tables(played(constant(1.0), router)) == tables(played(sor.Displayed(), router))


def test_a_table_through_the_origin_is_the_built_in_impact() -> None:
    """Slippage `impact * sent / displayed` on the nodes that are met is F2's."""
    shown = sorted({*QUOTES.frame["bid_sz"].to_list(), *QUOTES.frame["ask_sz"].to_list()})
    most = max(shown)
    table = sor.FillTable(
        [(d, s, 0.45, min(1.0, 0.0005 * s / d)) for d in shown if d for s in range(most + 1)]
        if most <= 500
        else [(d, s, 0.45, 0.0005 * s / d) for d in shown if d for s in (0, most)]
    )
    ours, theirs = played(table), played(sor.QueueAware())
    assert ours.ledger.fills["quantity"].equals(theirs.ledger.fills["quantity"])
    assert (ours.ledger.fills["price"] - theirs.ledger.fills["price"]).abs().max() <= 1  # nanos: one rounding
    assert ours.ledger.fills["price"].n_unique() > 100


@pytest.fixture(scope="module")
def compiled(library: ctypes.CDLL) -> sor.CompiledFill:
    return sor.CompiledFill(address(library, "thins"), parameters={"share": 0.4}, name="thins")


@pytest.mark.parametrize(
    ("mode", "router"),
    [
        ("expected", ROUTERS[0]),
        ("sampled", ROUTERS[1]),
        pytest.param("expected", ROUTERS[1], marks=pytest.mark.slow),
        pytest.param("sampled", ROUTERS[0], marks=pytest.mark.slow),
    ],
)
def test_python_and_c_give_the_same_bytes_on_any_number_of_threads(
    compiled: sor.CompiledFill, router: Any, mode: Any
) -> None:
    compiled = dataclasses.replace(compiled, mode=mode)
    written = sor.FillFunction(thins, parameters={"share": 0.4}, mode=mode)
    first, *others = [
        ledger_bytes(played(fill, router, threads).ledger)
        for fill in (written, compiled)
        for threads in (1, 2, 5)
    ]
    assert all(other == first for other in others)
    assert first != ledger_bytes(played(sor.Displayed(), router).ledger)


CAPSULE, OLD_CAPSULE = b"sor.fill.v1", b"sor.fill.v0"


def test_a_capsule_says_what_it_holds(library: ctypes.CDLL, compiled: sor.CompiledFill) -> None:
    pointer = address(library, "thins")
    held = sor.CompiledFill(capsule(CAPSULE, pointer), parameters={"share": 0.4}, name="thins")
    assert ledger_bytes(played(held).ledger) == ledger_bytes(played(compiled).ledger)
    old = sor.CompiledFill(capsule(OLD_CAPSULE, pointer), parameters={"share": 0.4}, name="thins")
    with pytest.raises(sor.ParameterError, match=r'a capsule named "sor\.fill\.v1"'):
        played(old)


def test_numba() -> None:
    pytest.importorskip("numba")
    from numba_fills import again, expected

    fill = sor.CompiledFill(expected, parameters={"share": 0.5})
    assert sor.execute_order(300, (10.0, 101), fill) == (50, 10.0)  # 50.5, half to even
    assert fill == sor.CompiledFill(again, parameters={"share": 0.5}), (
        "numba's source tells them apart, not an address"
    )
    assert fill != sor.CompiledFill(expected, parameters={"share": 0.25})
    assert fill.name is None
    assert "_expected" in repr(fill)


def test_what_a_function_sees() -> None:
    seen = []

    def watch(child: sor.FillChild, quote: sor.FillQuote) -> tuple[float, int]:
        seen.append((repr(child), repr(quote), quote.venue, child.side))
        return min(child.quantity, quote.available), quote.price

    assert tables(played(sor.FillFunction(watch))) == tables(played(sor.Displayed()))
    assert {venue for _, _, venue, _ in seen} == set(QUOTES.venues["name"])
    assert {side for *_, side in seen} == {"buy"}
    child, quote, *_ = seen[0]
    assert child.startswith("FillChild(side='buy', quantity=")
    assert quote.startswith("FillQuote(venue=")
    assert "queue_position=0.5" in quote
    assert sor.execute_order(300, (10.0, 101), sor.FillFunction(watch), side="sell", queue_position=0.25) == (
        101,
        10.0,
    )
    assert "queue_position=0.25" in seen[-1][1]


WRONG: list[tuple[Any, str]] = [
    (lambda child, quote: (float("nan"), quote.price), r"shares must be between 0 and \d+, .*, got NaN"),
    (lambda child, quote: (float("inf"), quote.price), r"shares must be between 0 and \d+, .*, got inf"),
    (lambda child, quote: (-1, quote.price), r"shares must be between 0 and \d+, .*, got -1"),
    (lambda child, quote: (quote.displayed + 1, quote.price), r"shares must be between 0 and \d+"),
    (lambda child, quote: (1, -1), "price must be 0 nanos or more, got -1"),
    (lambda child, quote: (1, 2**63 - 1), "price must be from 0"),
    (
        lambda child, quote: (1, 2**63),
        r"must return \(shares, price\): .* it returned \(1, 9223372036854775808\)",
    ),
    (lambda child, quote: (1, 10.5), r"must return \(shares, price\): .* it returned \(1, 10.5\)"),
    (lambda child, quote: (True, 10), r"must return \(shares, price\)"),
    (lambda child, quote: (1, True), r"must return \(shares, price\)"),
    (lambda child, quote: ("1", 10), r"must return \(shares, price\)"),
    (lambda child, quote: 1, r"must return \(shares, price\): .* it returned 1"),
    (lambda child, quote: None, r"must return \(shares, price\): .* it returned None"),
    (lambda child, quote: (1, 2, 3), r"must return \(shares, price\)"),
    (lambda child, quote: 1 // 0, "ZeroDivisionError: "),
    (lambda child, quote: quote.colour, "AttributeError: "),
]


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize(("function", "says"), WRONG)
def test_a_wrong_function_is_an_error_with_order_and_time(function: Any, says: str, router: Any) -> None:
    for threads in (1, 3):
        with pytest.raises(sor.FillError, match=says) as caught:
            played(sor.FillFunction(function, name="wrong"), router, threads)
        text = str(caught.value)
        assert text.startswith("fill model wrong, order buy 2,000 from 2024-01-02 14:3")
        assert ", at 2024-01-02 14:3" in text
        assert caught.value.model == "wrong"
        assert caught.value.ts >= QUOTES.start
    with pytest.raises(sor.FillError, match=says) as caught:
        sor.execute_order(10, (10.0, 100), sor.FillFunction(function, name="wrong"))
    assert caught.value.order is None


def test_what_a_function_raises_is_the_cause() -> None:
    raised = LookupError("not in the table")

    def fails(child: object, quote: object) -> Any:
        raise raised

    with pytest.raises(sor.FillError, match="LookupError: not in the table") as caught:
        played(sor.FillFunction(fails))
    assert caught.value.__cause__ is raised

    def interrupted(child: object, quote: object) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        played(sor.FillFunction(interrupted))


def test_a_wrong_compiled_function_is_an_error(library: ctypes.CDLL) -> None:
    for name, says in [
        ("fails", "must return 0, and returned 7"),
        ("says_nothing", "shares must be .* got NaN"),
    ]:
        with pytest.raises(sor.FillError, match=says) as caught:
            played(sor.CompiledFill(address(library, name), name=name), threads=2)
        assert str(caught.value).startswith(f"fill model {name}, order buy 2,000 from 2024-01-02 14:3")
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (
            lambda: sor.FillTable([(1, 1, 1.5)]),
            "probability, row 0 of rows must be a finite number",
        ),
        (lambda: sor.FillTable([(1, 1, 0.5), (1, 2, float("nan"))]), "probability, row 1 of rows"),
        (lambda: sor.FillTable([(1, 1, 0.5, 2.0)]), "slippage, row 0 of rows"),
        (lambda: sor.FillTable([(-1, 1, 0.5)]), "displayed, row 0 of rows must be a whole number"),
        (lambda: sor.FillTable([(1, 1, 0.5), (1, 1, 0.6)]), r"one row for each .* got \(1, 1\) twice"),
        (lambda: sor.FillTable([(1, 1, 0.5), (2, 2, 0.6)]), "every displayed with every sent, got none of"),
        (lambda: sor.FillTable([]), "rows must be a frame with displayed, sent, probability"),
        (lambda: sor.FillTable({"displayed": [1]}), "rows must be a frame .* no column 'sent'"),
        (lambda: sor.FillTable([(1, 1, 0.5)], mode="certain"), "mode must be one of"),
        (lambda: sor.FillFunction(3), "function must take a child and a quote, got 3"),
        (
            lambda: sor.FillFunction(lambda child: (1, 1)),
            "function must take a child, a quote and nothing else",
        ),
        (
            lambda: sor.FillFunction(thins, parameters={"part": 1}),
            "function must take a child, a quote and part",
        ),
        (
            lambda: sor.FillFunction(thins, parameters={"share": [1]}),
            r"parameters must map .* 'share': \[1\]",
        ),
        (lambda: sor.FillFunction("nowhere:thins"), "function nowhere:thins: cannot import"),
        (lambda: sor.FillFunction("math:thins"), "function math:thins: 'math' has no 'thins'"),
        (lambda: sor.FillFunction(thins, seed=-1), "seed must be a whole number"),
        (lambda: sor.CompiledFill(0), "function must be a numba.cfunc, a capsule or the address"),
        (lambda: sor.CompiledFill(thins), "function must be a numba.cfunc, a capsule or the address"),
        (lambda: sor.CompiledFill(1, parameters={"a": "b"}), r"parameters\['a'\] must be a number"),
        (lambda: sor.Market(fill=thins), "fill must be a sor.Displayed, sor.QueueAware, sor.FillTable"),
    ],
)
def test_wrong_arguments(made: Any, says: str) -> None:
    with pytest.raises(sor.ParameterError, match=says):
        made()


def test_equal_models_share_a_replay() -> None:
    """A search whose points cannot differ replays them once: a model is compared by what it is."""
    count = Counter[str]()

    def counted(child: sor.FillChild, quote: sor.FillQuote) -> tuple[float, int]:
        count["asked"] += 1
        return min(child.quantity, quote.available), quote.price

    market, run = sor.Market(fill=sor.FillFunction(counted)), sor.Run(progress=False)
    sor.search(QUOTES, ORDERS, grid={"lambda_over": [0.001]}, market=market, run=run)
    once, count = count["asked"], Counter()
    sor.search(QUOTES, ORDERS, grid={"lambda_over": [0.001, 0.002, 0.003]}, market=market, run=run)
    assert count["asked"] == once > 0

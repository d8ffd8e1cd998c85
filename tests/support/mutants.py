"""Hand-made mutants of the core, and how many of them `cargo test` catches: `make mutants`.

Each is one small mistake. A copy of the crate is changed, in a folder of its own; the quick test binaries run first,
all of them where those notice nothing. A mutant that does not compile says nothing of the tests: it counts as one that
survives, so that the list is mended. One whose text is gone is an error.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUICK = ("reference", "golden", "resting")
SECONDS = 300  # a mutant that makes a test endless is caught

# File, text, which stands there once, and what takes its place.
MUTANTS = [
    ("engine/exchange.rs", "self.shares_in_flight -= order.quantity;", ""),
    ("engine/exchange.rs", "self.shares_in_flight += quantity;", ""),
    ("engine/exchange.rs", "other.arrival <= order.arrival", "other.arrival < order.arrival"),
    ("engine/exchange.rs", "met.key > order.key", "met.key >= order.key"),
    ("engine/exchange.rs", "(None, Limit::None) => Nanos::MAX", "(None, Limit::None) => quote.key"),
    ("engine/exchange.rs", "if executed < quantity {", "if executed <= quantity {"),
    ("engine/exchange.rs", "self.taken.take(venue, executed);", ""),
    ("engine/posts.rs", "posted.until <= now", "posted.until < now"),
    ("engine/posts.rs", "if until > now {", "if until >= now {"),
    ("engine/posts.rs", "next = next.min(posted.until);", ""),
    ("engine/posts.rs", "trades.after(now)", "trades.after(now - 1)"),
    ("engine/posts.rs", "self.next_expiry = self.next_expiry.min(until);", ""),
    ("engine/posts.rs", ".min(self.end)", ""),
    ("engine/exchange.rs", "row.met_available = met.available;", ""),
    ("engine/run.rs", "left > 0 {", "left < 0 {"),
    ("engine/run.rs", "walk.levels() > MOST_LEVELS", "walk.levels() > crate::units::Shares::MAX - 1"),
    ("engine/run.rs", "walk.levels() > MOST_LEVELS", "walk.levels() >= MOST_LEVELS"),
    ("engine/run.rs", "first > now || (first == now && trade != now && edge != now)", "first > now"),
    ("engine/run.rs", "deliver(|arrival| arrival < first)", "deliver(|arrival| arrival <= first)"),
    ("engine/run.rs", "0 if sum.completed > 0", "0 if sum.completed >= 0"),
    ("engine/run.rs", "self.mid != Some(mid)", "self.mid.is_none()"),
    ("engine/mod.rs", "deliver(|arrival| arrival < now)", "deliver(|arrival| arrival <= now)"),
    ("engine/mod.rs", "moments.next_record() <= end", "moments.next_record() < end"),
    ("engine/mod.rs", "moments.next_record() < end {", "moments.next_record() <= end {"),
    ("engine/resting.rs", "left -= filled;", ""),
    ("engine/resting.rs", "other.order.key() <= posted.order.key()", "other.order.key() >= posted.order.key()"),
    ("engine/resting.rs", "queue.retain(|posted| posted.order.left() > 0);", ""),
    ("ledger/mod.rs", "sum.posted += fill.quantity;", ""),
    ("ledger/mod.rs", "sum.ts_done = fill.ts_executed;", ""),
    ("ledger/mod.rs", "fill.kind == Kind::Unwind { -1 }", "fill.kind == Kind::Unwind { 1 }"),
    ("ledger/mod.rs", "if fill.kind == Kind::Completion {", "if fill.kind == Kind::Unwind {"),
    ("ledger/mod.rs", "part(fill.mid, fill.quoted)", "part(arrival, fill.quoted)"),
    ("ledger/mod.rs", "sum.rebates += fill.rebate;", ""),
    ("fills/resting.rs", "self.reaching.clear();", ""),
    ("fills/resting.rs", "self.reaching.retain(|&(key, _)| key >= quote.key);", ""),
    ("fills/resting.rs", "self.expire_unmatched(now);\n        self.matched_at = None;", "self.matched_at = None;"),
    ("fills/resting.rs", "self.unmatched -= explained;", ""),
    ("fills/resting.rs", "self.ahead = self.ahead.min(size);", ""),
    ("fills/resting.rs", "self.printed -= counted;", ""),
    ("fills/resting.rs", "quotient % 2 == 1", "quotient % 2 == 0"),
    ("fills/resting.rs", "matched < now", "matched <= now"),
    ("fills/resting.rs", "self.absorbed += absorbed;", ""),
    ("fills/walk.rs", "key.checked_add(self.tick)", "key.checked_sub(self.tick)"),
    ("fills/walk.rs", "key >= 0)", "key > 0)"),
    ("fills/mod.rs", "(1.0 - met.queue_position)", "met.queue_position"),
    ("market/scan.rs", "counts.crossed += u64::from(ask < -bid);", "counts.crossed += u64::from(ask <= -bid);"),
    ("market/taken.rs", "(old.size != new.size) & by_size", "false"),
    ("market/taken.rs", "(old.size != new.size) & by_size", "(old.size != new.size)"),
    ("engine/cheap.rs", "(cheap.lot, cheap.known) = (1, Nanos::MIN);", "cheap.lot = 1;"),
    ("engine/cheap.rs", "self.cheap.known = self.cheap.known.min(key);", ""),
    ("engine/cheap.rs", "key >= self.key_of(takes_below)", "key > self.key_of(leaves_from)"),
    ("engine/leap.rs", "policy.reach(highest)", "policy.reach(lowest)"),
    ("engine/leap.rs", "partition_point(|&ts| ts < until)", "partition_point(|&ts| ts <= until)"),
    ("engine/leap.rs", "taken.see_all(tape, &(next..end), book.lasts(), parent.side);", ""),
    ("engine/leap.rs", "far.saturating_sub(lowest_fee)", "far.saturating_sub(lowest_fee + 1)"),
    ("engine/quiet.rs", "(*leg, known) = (self.leap(moments, until), Nanos::MIN)", "*leg = self.leap(moments, until)"),
    ("market/tape.rs", "own.start >= rows.start && own.end == rows.end", "own.start >= rows.start"),
    ("market/tape.rs", "known.map_or_else(walk, |chunk| chunk.one_sided)", "known.map_or_else(walk, |_| None)"),
    ("market/waits.rs", "chunk.least[side] >= far &&", "chunk.least[side] >= far - 1 &&"),
    ("market/waits.rs", "chunk.blocks[block][side] < far", "chunk.blocks[block][side] < far - 1"),
    ("market/waits.rs", "tape.ts()[end - 1] < until", "tape.ts()[end - 1] <= until"),
    ("market/waits.rs", "None => *least = [Nanos::MIN; 2]", "None => {}"),
    ("ledger/takes.rs", "sum.spread += paid - mids;", "sum.spread += paid;"),
    ("market/visibility.rs", "top.depth += depth", "()"),
    ("market/visibility.rs", "quote.key > top.key => {}", "quote.key >= top.key => {}"),
    ("market/book.rs", "two_sided: self.memory.two_sided || two_sided", "two_sided"),
    ("market/book.rs", "last.ts == record.ts", "last.ts > record.ts"),
    ("market/visibility.rs", "quote.key <= worst_key", "quote.key < worst_key"),
    ("market/visibility.rs", "book.updated(venue) >= oldest", "book.updated(venue) > oldest"),
    ("policy/best_ask.rs", "-view.available(venue, quote)", "view.available(venue, quote)"),
    ("schedule/twap.rs", "start + (begun - 1) * bucket", "start + begun * bucket"),
    ("schedule/twap.rs", "(lots % buckets).min(begun)", "lots % buckets"),
    ("policy/pro_rata.rs", "(-remainder(ranked[i].2), ranked[i].1)", "(remainder(ranked[i].2), ranked[i].1)"),
    ("policy/probes.rs", "window.end < now", "window.end <= now"),
    ("policy/probes.rs", "partition_point(|&end| end <= time)", "partition_point(|&end| end < time)"),
    ("policy/probes.rs", "known.saturating_sub(most).max(first)..", "known.saturating_sub(most).."),
    ("allocate/exact.rs", "let better = cost <= least;", "let better = cost < least;"),
    ("allocate/exact.rs", "cost < limit && offer.available >= lot", "cost <= limit && offer.available >= lot"),
    ("hindsight.rs", "offers.fresh[change.venue] |= old != new;", ""),
    ("hindsight.rs", "offer <= price)", "offer > price)"),
]  # fmt: skip


def cargo(folder: Path, *arguments: str, seconds: float | None = SECONDS) -> tuple[bool, str]:
    """Whether `cargo test` is content, and what it says."""
    command = ["cargo", "test", "--package", "sor-core", "--quiet", *arguments]
    target = str(ROOT / "target" / "mutants")
    environment = {**os.environ, "CARGO_TARGET_DIR": target, "RUST_BACKTRACE": "0", "SOR_TESTS": "all"}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as running:
        try:
            said, _ = running.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False, "endless"
        finally:
            if running.poll() is None:  # cargo's end alone would leave the test it started running
                os.killpg(running.pid, signal.SIGKILL)
    return running.returncode == 0, said


def changed(folder: Path, file: str, old: str, new: str) -> str:
    """Write the mutant; return the file as it was."""
    path = folder / "rust" / "src" / file
    text = path.read_text(encoding="utf-8")
    if text.count(old) < 1:
        raise SystemExit(f"{file} no longer says {old!r}: mend the list in tests/support/mutants.py")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text


def caught(folder: Path) -> str:
    """Return by what the mutant is caught: "quick", "all", or ""."""
    quick = [part for name in QUICK for part in ("--test", name)]
    for name, arguments in (("quick", quick), ("all", ["--lib", "--tests"])):
        fine, said = cargo(folder, *arguments)
        if "could not compile" in said:
            print(said[-3_000:])
            return ""
        if not fine:
            return name
    return ""


def main(wanted: list[str]) -> int:
    """Try every mutant, or those of the files that are named; the exit code says whether all were caught."""
    chosen = [mutant for mutant in MUTANTS if not wanted or any(word in mutant[0] for word in wanted)]
    survivors = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("rust", "tests"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        for part in ("Cargo.toml", "Cargo.lock"):
            shutil.copy(ROOT / part, folder / part)
        fine, said = cargo(folder, "--lib", "--tests", seconds=None)
        if not fine:
            raise SystemExit("without a mutant the tests fail:\n" + said[-3_000:])
        for file, old, new in chosen:
            begun = time.perf_counter()
            before = changed(folder, file, old, new)
            by = caught(folder)
            (folder / "rust" / "src" / file).write_text(before, encoding="utf-8")
            survivors += [] if by else [(file, old, new)]
            took = time.perf_counter() - begun
            print(f"{by or 'SURVIVES':8} {took:4.0f} s  {file}: {old!r} -> {new!r}", flush=True)
    print(f"cargo test catches {len(chosen) - len(survivors)} of {len(chosen)}")
    return int(bool(survivors))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

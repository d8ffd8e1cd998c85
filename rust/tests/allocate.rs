//! The two allocators (rule A4): exact = exhaustive on every input, ties included.

use proptest::prelude::*;
use sor_core::Error;
use sor_core::allocate::exact::Scratch;
use sor_core::allocate::exhaustive::count_candidates;
use sor_core::allocate::{Offer, Penalties, Problem, Rule, Solver, allocate, cost};
use sor_core::observe::Stop;
use sor_core::units::{Nanos, Shares};

#[allow(dead_code, reason = "only its generator is used here")]
#[path = "support/curve_books.rs"]
mod curve_books;

use curve_books::Rng;

const MAX_CANDIDATES: u64 = 200_000;
const RULES: [Rule; 2] = [Rule::Relaxed, Rule::Strict];

/// An owned [`Problem`].
#[derive(Clone, Debug)]
struct Book {
    quantity: Shares,
    lot: Shares,
    offers: Vec<Offer>,
    benchmark_key: Nanos,
    penalties: Penalties,
    rule: Rule,
}

impl Book {
    fn problem(&self) -> Problem<'_> {
        let &Book { quantity, lot, ref offers, benchmark_key, penalties, rule } = self;
        Problem { quantity, lot, offers, benchmark_key, penalties, rule }
    }

    /// The split, where there is one. `scratch` and the split's memory hold what earlier books left.
    fn split(&self, solver: Solver, scratch: &mut Scratch) -> Result<Option<Vec<Shares>>, Error> {
        let mut split = vec![77; self.offers.len()];
        allocate(&self.problem(), solver, scratch, &mut split, Stop::NEVER).map(|found| found.then_some(split))
    }
}

fn counted(book: &Book) -> u128 {
    count_candidates(&book.problem(), Stop::NEVER).expect("nothing stops it")
}

/// Few price levels and few fees around the benchmark, so that ties between venues, and with not trading, are frequent.
fn random_book(rng: &mut Rng) -> Book {
    let lot = rng.pick(&[1, 2, 7, 10, 100]);
    let venues = 1 + rng.below(6);
    let most_lots = [40, 14, 8, 6, 5, 4][venues as usize - 1];
    let (levels, fee_levels) = (1 + rng.below(5), 1 + rng.below(3));
    let offers = (0..venues)
        .map(|_| Offer {
            key: 1_000 + rng.below(levels) - levels / 2,
            available: rng.pick(&[0, 1]).min(rng.below(4)) * rng.below(lot) + rng.below(most_lots + 1) * lot,
            fee: rng.below(fee_levels) - 1,
            rebate: rng.below(3) - 1,
        })
        .collect();
    let rule = rng.pick(&RULES);
    let sign = rng.pick(&[1, -1]);
    let mut book = Book {
        quantity: rng.below(2 * most_lots + 2) * lot + rng.pick(&[0, 0, 0, 1]) * rng.below(lot),
        lot,
        offers,
        benchmark_key: if rule == Rule::Strict { 0 } else { sign * 1_000 },
        penalties: Penalties { over: rng.below(9), under: rng.below(4), theta: rng.below(2) },
        rule,
    };
    for offer in &mut book.offers {
        offer.key *= sign;
    }
    if book.rule == Rule::Relaxed && book.quantity < lot {
        book.quantity %= 12; // the tail trades in single shares: few enough to enumerate
    }
    book
}

#[test]
fn exact_equals_exhaustive_on_100_000_books() {
    let mut scratch = Scratch::default();
    let (mut traded, mut infeasible, mut refused) = (0, 0, 0);
    for seed in 0..100_000 {
        let book = random_book(&mut Rng(seed));
        let exact = book.split(Solver::Exact, &mut scratch).expect("exact never refuses");
        match book.split(Solver::Exhaustive { max_candidates: MAX_CANDIDATES }, &mut scratch) {
            Ok(exhaustive) => assert_eq!(exact, exhaustive, "seed {seed}: {book:?}"),
            Err(error) => {
                assert!(matches!(error, Error::TooManyCandidates { .. }), "seed {seed}: {error}");
                refused += 1;
            }
        }
        traded += u32::from(exact.as_ref().is_some_and(|split| split.iter().sum::<i64>() > 0));
        infeasible += u32::from(exact.is_none());
    }
    assert!(traded > 40_000, "too few books trade: {traded}");
    assert!(infeasible > 5_000, "too few strict books are infeasible: {infeasible}");
    assert_eq!(refused, 0, "books compared with nothing");
}

/// rules A1-A3 word by word: the whole box in lexicographic order, what A2 admits, the first of least cost.
fn literal(book: &Book) -> (Option<Vec<Shares>>, u128) {
    let lot = book.problem().effective_lot();
    let sizes: Vec<i64> = book.offers.iter().map(|offer| offer.available / lot + 1).collect();
    let (mut best, mut count) = (None, 0);
    for code in 0..sizes.iter().product::<i64>() {
        let mut rest = code;
        let mut split: Vec<Shares> = vec![0; sizes.len()];
        for (x, size) in split.iter_mut().zip(&sizes).rev() {
            *x = rest % size * lot;
            rest /= size;
        }
        let sum: Shares = split.iter().sum();
        let admitted = if book.rule == Rule::Strict { sum == book.quantity } else { sum <= book.quantity };
        if !admitted {
            continue;
        }
        count += 1;
        let total = cost(&book.offers, &split, book.quantity, book.benchmark_key, &book.penalties).total();
        if best.as_ref().is_none_or(|(least, _)| total < *least) {
            best = Some((total, split));
        }
    }
    (best.map(|(_, split)| split), count)
}

fn books() -> impl Strategy<Value = Book> {
    let offer = (-3_i64..=3, 0_i64..12, -2_i64..=2, -2_i64..=2);
    let offers = prop::collection::vec(offer, 0..5);
    let penalties = (0_i64..6, 0_i64..6, 0_i64..3);
    (0_i64..30, 1_i64..6, offers, -1_i64..=1, penalties, prop::sample::select(RULES.to_vec())).prop_map(
        |(quantity, lot, offers, benchmark_key, (over, under, theta), rule)| Book {
            quantity,
            lot,
            offers: offers
                .into_iter()
                .map(|(key, available, fee, rebate)| Offer { key, available, fee, rebate })
                .collect(),
            benchmark_key: if rule == Rule::Strict { 0 } else { benchmark_key },
            penalties: Penalties { over, under, theta },
            rule,
        },
    )
}

proptest! {
    // No file of failures: a failing case prints itself, shrunk.
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_equal_the_definition(book in books()) {
        let (split, count) = literal(&book);
        let scratch = &mut Scratch::default();
        prop_assert_eq!(book.split(Solver::Exact, scratch), Ok(split.clone()));
        prop_assert_eq!(book.split(Solver::Exhaustive { max_candidates: u64::MAX }, scratch), Ok(split));
        prop_assert_eq!(counted(&book), count);
    }

    /// One candidate fewer than there are is refused, and the error says how many there are.
    #[test]
    fn exhaustive_refuses_beyond_its_bound(book in books()) {
        let count = counted(&book);
        let Some(limit) = u64::try_from(count).expect("small books").checked_sub(1) else { return Ok(()) };
        let scratch = &mut Scratch::default();
        let refused = book.split(Solver::Exhaustive { max_candidates: limit }, scratch);
        prop_assert_eq!(refused, Err(Error::TooManyCandidates { candidates: count, limit }));
        let allowed = book.split(Solver::Exhaustive { max_candidates: limit + 1 }, scratch);
        prop_assert!(allowed.is_ok());
    }

    /// Money times a thousand, or prices and benchmark a million higher, leave the split alone.
    #[test]
    fn scale_and_shift_do_not_matter(book in books()) {
        let scratch = &mut Scratch::default();
        let split = book.split(Solver::Exact, scratch);
        let (mut scaled, mut shifted) = (book.clone(), book.clone());
        for (offer, higher) in scaled.offers.iter_mut().zip(&mut shifted.offers) {
            *offer = Offer { key: offer.key * 1_000, fee: offer.fee * 1_000, rebate: offer.rebate * 1_000, ..*offer };
            higher.key += 1_000_000;
        }
        let Penalties { over, under, theta } = book.penalties;
        scaled.benchmark_key *= 1_000;
        scaled.penalties = Penalties { over: over * 1_000, under: under * 1_000, theta: theta * 1_000 };
        if book.rule == Rule::Relaxed {
            shifted.benchmark_key += 1_000_000;
        }
        prop_assert_eq!(scaled.split(Solver::Exact, scratch), split.clone());
        prop_assert_eq!(shifted.split(Solver::Exact, scratch), split);
    }
}

/// The README's book and far beyond: a candidate count nobody enumerates is still a number, or its saturation.
#[test]
fn too_many_candidates_are_counted_not_enumerated() {
    let offer = Offer { key: 1_001, available: 5_000, fee: 0, rebate: 0 };
    let offers = vec![offer; 5];
    let book = |offers: &[Offer], quantity, lot, rule| Book {
        quantity,
        lot,
        offers: offers.to_vec(),
        benchmark_key: 0,
        penalties: Penalties { over: 1, under: 1, theta: 1 },
        rule,
    };
    // 50 lots over 5 venues: C(54, 4) ways to place all, C(55, 5) to place at most all.
    let strict = book(&offers, 5_000, 100, Rule::Strict);
    assert_eq!(counted(&strict), 316_251);
    let relaxed = book(&offers, 5_000, 100, Rule::Relaxed);
    assert_eq!(counted(&relaxed), 3_478_761);
    let error = relaxed.split(Solver::Exhaustive { max_candidates: 1_000_000 }, &mut Scratch::default()).unwrap_err();
    assert!(error.to_string().contains("3478761 candidates"), "{error}");
    assert!(error.to_string().contains("max_candidates = 1000000"), "{error}");

    let many = book(&vec![offer; 100], 5_000, 1, Rule::Relaxed);
    assert_eq!(counted(&many), u128::MAX);
    assert!(many.split(Solver::Exhaustive { max_candidates: u64::MAX }, &mut Scratch::default()).is_err());
    assert_eq!(many.split(Solver::Exact, &mut Scratch::default()).expect("no bound").map(|x| x[99]), Some(0));

    // Counts that leave 128 bits on the way stay too large: 600 venues of at most 2 lots, 600 lots wanted.
    let thin = vec![Offer { available: 2, ..offer }; 600];
    for rule in RULES {
        assert_eq!(counted(&book(&thin, 600, 1, rule)), u128::MAX, "{rule:?}");
    }
}

/// What is visited is what is counted: among very many splits of less than the quantity the few candidates are found at
/// once, however many lots or venues there are.
#[test]
fn only_candidates_are_visited() {
    let split = |sizes: &[Shares], quantity, max_candidates| {
        let offers: Vec<Offer> =
            (1_000..).zip(sizes).map(|(key, &available)| Offer { key, available, fee: 0, rebate: 0 }).collect();
        let penalties = Penalties { over: 1, under: 1, theta: 1 };
        let book = Book { quantity, lot: 1, offers, benchmark_key: 0, penalties, rule: Rule::Strict };
        (counted(&book), book.split(Solver::Exhaustive { max_candidates }, &mut Scratch::default()))
    };
    // All of everything, 10^15 shares at each of nine venues; all but one share, which any of them may keep.
    let sizes = [1_000_000_000_000_000; 9];
    assert_eq!(split(&sizes, 9_000_000_000_000_000, 1), (1, Ok(Some(sizes.to_vec()))));
    let mut cheapest = sizes.to_vec();
    cheapest[8] -= 1;
    assert_eq!(split(&sizes, 8_999_999_999_999_999, 9), (9, Ok(Some(cheapest))));
    // A hundred thousand venues do not exhaust the stack.
    let mut sizes = vec![0; 100_000];
    sizes[50_000] = 1;
    assert_eq!(split(&sizes, 1, 1), (1, Ok(Some(sizes.clone()))));
}

//! The curve allocators (rule F4): exact = exhaustive = a literal enumeration, on every input.

#[path = "support/curve_books.rs"]
mod curve_books;

use std::collections::HashMap;

use curve_books::{CENT, Case, Fills, Prices, Rng, case, hard};
use proptest::prelude::*;
use sor_core::Error;
use sor_core::allocate::curves::{Curves, Effort, Plan, Problem, Solver, Terms, candidates, exhaustive};
use sor_core::observe::Stop;
use sor_core::units::Side;

const ANY_NUMBER: u64 = 1 << 40;

fn split(problem: &Problem, solver: &mut Solver) -> (i128, Vec<usize>) {
    let mut lots = vec![99; 3];
    let answer = solver.exact(problem, &mut lots, Stop::NEVER).expect("a valid problem");
    assert_eq!(answer.gap, None, "given up: {lots:?}");
    (answer.cost, lots)
}

/// By search, as usual, and by the table alone.
fn solvers() -> [Solver; 2] {
    [Solver::new(), Solver::with_effort(Effort { search: 0, ..Effort::default() })]
}

fn enumerated(problem: &Problem) -> (i128, Vec<usize>) {
    let mut lots = vec![99; 3];
    let cost = exhaustive(problem, ANY_NUMBER, &mut lots, Stop::NEVER).expect("a valid problem");
    (cost, lots)
}

/// The definition, word by word: every vector of the box in lexicographic order, those within the cap, first minimum.
fn literal(problem: &Problem) -> (i128, Vec<usize>, u128) {
    let sizes: Vec<usize> = (0..problem.curves.venues()).map(|i| problem.curves.cost(i).len()).collect();
    let (mut best, mut count) = (None, 0);
    for code in 0..sizes.iter().product::<usize>() {
        let mut rest = code;
        let mut lots: Vec<usize> = sizes
            .iter()
            .rev()
            .map(|size| {
                let k = rest % size;
                rest /= size;
                k
            })
            .collect();
        lots.reverse();
        if lots.iter().sum::<usize>() > problem.max_lots {
            continue;
        }
        count += 1;
        let cash: i128 = lots.iter().enumerate().map(|(i, &k)| i128::from(problem.curves.cost(i)[k])).sum();
        let executed: i64 = lots.iter().enumerate().map(|(i, &k)| problem.curves.shares(i)[k]).sum();
        let short = i128::from((problem.remaining - executed).max(0));
        let long = i128::from((executed - problem.remaining).max(0));
        let cost = cash + i128::from(problem.under) * short + i128::from(problem.over) * long;
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, lots));
        }
    }
    let (cost, lots) = best.expect("zero lots are a candidate");
    (cost, lots, count)
}

/// Dynamic programming over (venue, lots left, shares executed), nothing pruned.
struct Table<'a> {
    problem: Problem<'a>,
    known: HashMap<(usize, usize, i64), (i128, usize)>,
}

impl Table<'_> {
    fn value(&mut self, venue: usize, lots_left: usize, executed: i64) -> i128 {
        let problem = self.problem;
        if venue == problem.curves.venues() {
            let short = i128::from(problem.remaining - executed);
            return (i128::from(problem.under) * short).max(-i128::from(problem.over) * short);
        }
        if let Some(&(value, _)) = self.known.get(&(venue, lots_left, executed)) {
            return value;
        }
        let (costs, shares) = (problem.curves.cost(venue), problem.curves.shares(venue));
        let top = (costs.len() - 1).min(lots_left);
        let best = (0..=top)
            .map(|k| (i128::from(costs[k]) + self.value(venue + 1, lots_left - k, executed + shares[k]), k))
            .min()
            .expect("zero lots are a choice");
        self.known.insert((venue, lots_left, executed), best);
        best.0
    }

    fn solve(problem: Problem) -> (i128, Vec<usize>) {
        let mut table = Table { problem, known: HashMap::new() };
        let cost = table.value(0, problem.max_lots, 0);
        let (mut left, mut executed, mut lots) = (problem.max_lots, 0, vec![]);
        for venue in 0..problem.curves.venues() {
            let (_, k) = table.known[&(venue, left, executed)];
            lots.push(k);
            left -= k;
            executed += problem.curves.shares(venue)[k];
        }
        (cost, lots)
    }
}

/// Any integers: neither monotone nor convex, small ranges for many ties.
fn wild(rng: &mut Rng) -> Case {
    let mut curves = Curves::new();
    for _ in 0..=rng.below(4) {
        let (top, range) = (rng.below(13), rng.pick(&[2, 5, 30, 2_000]));
        let points = (0..=top).map(|k| match k {
            0 => (0, 0),
            _ => (rng.below(range) - range / 2, rng.below(3 * k)),
        });
        curves.push(points.collect::<Vec<_>>()).expect("valid points");
    }
    let rate = rng.pick(&[1, 3, 40]);
    let (under, over) = (rng.below(rate), rng.below(rate));
    Case { curves, remaining: rng.below(40), max_lots: rng.below(20) as usize, under, over }
}

#[test]
fn exact_equals_exhaustive_on_50_000_instances() {
    let mut solvers = solvers();
    let mut over = 0;
    for seed in 0..50_000 {
        let rng = &mut Rng(seed);
        let case = if seed % 5 == 0 {
            wild(rng)
        } else if seed % 5 == 1 {
            let (venues, lots) = (1 + rng.below(4) as usize, 1 + rng.below(12));
            let prices = rng.pick(&[Prices::Equal, Prices::Nanos, Prices::Fees, Prices::Ticks]);
            let overbook = rng.pick(&[1.0, 1.2, 1.5, 2.0]);
            hard(rng, venues, lots, overbook, prices)
        } else {
            let fills = match rng.below(6) {
                0 => Fills::Displayed,
                1 => Fills::Queue(rng.pick(&[0.0, 0.1, 0.5, 1.0])),
                2 => Fills::Grid(1.0),
                3 => Fills::Spread(0.3),
                4 => Fills::Spread(1.0),
                _ => Fills::Flat(0.3),
            };
            let (venues, lots) = (1 + rng.below(4) as usize, 1 + rng.below(12));
            let overbook = rng.pick(&[1.0, 1.0, 1.1, 1.2, 1.37, 1.5]);
            case(rng, venues, lots, overbook, fills)
        };
        let problem = case.problem();
        let answer = enumerated(&problem);
        let executed: i64 = answer.1.iter().enumerate().map(|(i, &k)| problem.curves.shares(i)[k]).sum();
        over += u32::from(executed > problem.remaining);
        for solver in &mut solvers {
            assert_eq!(split(&problem, solver), answer, "seed {seed}: {case:?}");
        }
        assert_eq!(problem.cost(&answer.1), answer.0, "seed {seed}");
    }
    assert!(over > 1_000, "too few instances execute more than is wanted: {over}");
}

#[test]
fn exhaustive_equals_the_definition() {
    for seed in 0..3_000 {
        let rng = &mut Rng(seed);
        let case = wild(rng);
        let problem = case.problem();
        let (cost, lots, count) = literal(&problem);
        assert_eq!(enumerated(&problem), (cost, lots), "seed {seed}: {case:?}");
        assert_eq!(candidates(&problem), count, "seed {seed}: {case:?}");
    }
}

#[test]
fn exact_equals_dynamic_programming_on_more_venues() {
    let mut solvers = solvers();
    for seed in 0..200 {
        let rng = &mut Rng(seed);
        let fills = rng.pick(&[Fills::Queue(0.0), Fills::Grid(0.3), Fills::Spread(0.3), Fills::Flat(0.3)]);
        let (venues, overbook) = (5 + rng.below(8) as usize, rng.pick(&[1.0, 1.2, 1.5]));
        let case = if seed % 4 == 0 {
            let prices = rng.pick(&[Prices::Equal, Prices::Nanos, Prices::Fees, Prices::Ticks]);
            hard(rng, venues, 8, overbook, prices)
        } else {
            case(rng, venues, 8, overbook, fills)
        };
        let answer = Table::solve(case.problem());
        for solver in &mut solvers {
            assert_eq!(split(&case.problem(), solver), answer, "seed {seed}: {case:?}");
        }
    }
}

/// With too little effort the answer is a candidate, and the optimum is no further below it than the gap says.
#[test]
fn a_gap_is_stated_and_true() {
    let (mut stated, mut open, mut met) = (0, 0, 0);
    for seed in 0..6_000 {
        let rng = &mut Rng(seed);
        let case = if seed % 3 == 0 {
            wild(rng)
        } else {
            let prices = rng.pick(&[Prices::Equal, Prices::Nanos, Prices::Fees, Prices::Ticks]);
            let (venues, lots) = (2 + rng.below(3) as usize, 2 + rng.below(10));
            let overbook = rng.pick(&[1.2, 1.5, 2.0]);
            hard(rng, venues, lots, overbook, prices)
        };
        let problem = case.problem();
        let (least, first) = enumerated(&problem);
        let effort = Effort { search: rng.pick(&[0, 1, 20]), table: rng.pick(&[0, 50, 2_000]) };
        let mut lots = vec![99; 3];
        let answer = Solver::with_effort(effort).exact(&problem, &mut lots, Stop::NEVER).expect("a valid problem");
        assert_eq!(problem.cost(&lots), answer.cost, "seed {seed}");
        assert!(lots.iter().sum::<usize>() <= problem.max_lots, "seed {seed}: {lots:?}");
        match answer.gap {
            None => assert_eq!((answer.cost, lots), (least, first), "seed {seed}: {case:?}"),
            Some(gap) => {
                assert!(
                    gap >= 0 && answer.cost - gap <= least && least <= answer.cost,
                    "seed {seed}: {answer:?}, {least}"
                );
                stated += 1;
                open += u32::from(gap > 0);
                met += u32::from(answer.cost == least);
            }
        }
    }
    println!("{stated} gaps, {open} of them not 0, {met} of them at the optimum");
    assert!(stated > 500 && open > 100 && met > 100 && met < stated, "{stated} {open} {met}");
}

/// Ten thousand single shares at each of 16 venues: no table is large enough, and no answer is without a gap, but it is
/// a good one.
#[test]
fn a_book_beyond_every_table() {
    let mut curves = Curves::new();
    for i in 0..16 {
        let fill = |x: i64| ((x as f64 * 0.9 * (0.9 - 0.05 * f64::from(i))).round_ties_even() as i64, CENT + x % 3);
        let plan = Plan { side: Side::Buy, lot: 1, cap: 15_000, benchmark: 0 };
        let terms = Terms { available: 10_000, taker_fee: 0, maker_rebate: 0 };
        curves.push_fills(&plan, &terms, |x| Ok(fill(x))).expect("a valid book");
    }
    let problem = Problem { curves: &curves, remaining: 10_000, max_lots: 15_000, under: 2 * CENT, over: CENT };
    let mut lots = vec![];
    let answer = Solver::new().exact(&problem, &mut lots, Stop::NEVER).expect("a valid problem");
    let gap = answer.gap.expect("too large to be proven");
    assert!(gap >= 0 && gap * 100_000 <= answer.cost.abs(), "{answer:?}");
    let broken = Solver::new().exact(&problem, &mut lots, Stop::new(&|| std::ops::ControlFlow::Break(())));
    assert_eq!(broken, Err(Error::Stopped));
}

fn venue() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((-20_i64..20, 0_i64..12), 0..7).prop_map(|mut points| {
        points.insert(0, (0, 0));
        points
    })
}

proptest! {
    // No file of failures: a failing case prints itself, shrunk.
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Besides agreement: multiplying all money by a large number changes nothing, in 64 bits or in 128.
    #[test]
    fn any_curves_at_any_scale(
        venues in prop::collection::vec(venue(), 0..5),
        remaining in 0_i64..40,
        max_lots in 0_usize..24,
        under in 0_i64..25,
        over in 0_i64..25,
        scale in prop::sample::select(vec![1_i64, 1_000_003, 1 << 57]),
    ) {
        let build = |scale: i64| {
            let mut curves = Curves::new();
            for points in &venues {
                curves.push(points.iter().map(|&(cost, shares)| (cost * scale, shares))).expect("valid points");
            }
            Case { curves, remaining, max_lots, under: under * scale, over: over * scale }
        };
        let small = build(1);
        let large = build(scale);
        let answer = enumerated(&small.problem());
        for solver in &mut solvers() {
            prop_assert_eq!(&split(&small.problem(), solver), &answer);
        }
        prop_assert_eq!(split(&large.problem(), &mut Solver::new()), (answer.0 * i128::from(scale), answer.1));
    }
}

#[test]
fn a_thousand_venues_and_none() {
    let mut curves = Curves::new();
    let empty = Problem { curves: &curves.clone(), remaining: 7, max_lots: usize::MAX, under: 3, over: 0 };
    assert_eq!(split(&empty, &mut Solver::new()), (21, vec![]));
    assert_eq!(enumerated(&empty), (21, vec![]));
    for _ in 0..1_000 {
        curves.push([(0, 0), (-1, 1)]).expect("valid points");
    }
    let problem = Problem { curves: &curves, remaining: 10, max_lots: usize::MAX, under: 5, over: 5 };
    let (cost, lots) = split(&problem, &mut Solver::new());
    assert_eq!(cost, -10);
    assert!(lots[..990].iter().all(|&k| k == 0) && lots[990..].iter().all(|&k| k == 1));
    let refused = exhaustive(&problem, 1_000, &mut vec![], Stop::NEVER);
    assert_eq!(refused, Err(Error::TooManyCandidates { candidates: u128::MAX, limit: 1_000 }));
}

#[test]
fn fills_become_curves() {
    let plan = Plan { side: Side::Sell, lot: 100, cap: 350, benchmark: 1_000 };
    let terms = Terms { available: 990, taker_fee: 3, maker_rebate: 2 };
    let mut curves = Curves::new();
    // Half of what is sent executes, a nano worse per lot: 1 nano below the benchmark, 2 below, ...
    curves.push_fills(&plan, &terms, |x| Ok((x / 2, 1_000 - x / 100))).expect("a valid book");
    assert_eq!(plan.max_lots(), Ok(3));
    assert_eq!(curves.shares(0), [0, 50, 100, 150]);
    assert_eq!(curves.cost(0), [0, 50 * (1 + 3) - 50 * 2, 100 * (2 + 3) - 100 * 2, 150 * (3 + 3) - 150 * 2]);
    let little = Terms { available: 199, ..terms };
    curves.push_fills(&plan, &little, |x| Ok((x, 1_000))).expect("a valid book");
    assert_eq!(curves.cost(1), [0, 300]);
    curves.clear();
    assert_eq!(curves.venues(), 0);
}

#[test]
fn bad_input_is_named_and_leaves_no_venue() {
    let plan = Plan { side: Side::Buy, lot: 100, cap: 500, benchmark: 0 };
    let terms = Terms { available: 500, taker_fee: 0, maker_rebate: 0 };
    let mut curves = Curves::new();
    let named = |outcome: Result<_, Error>| match outcome {
        Err(Error::Invalid { argument, .. }) => argument,
        other => panic!("expected an invalid argument, got {other:?}"),
    };
    assert_eq!(named(curves.push([])), "points");
    assert_eq!(named(curves.push([(1, 0)])), "points");
    assert_eq!(named(curves.push([(0, 0), (5, -1)])), "shares");
    assert_eq!(named(curves.push_fills(&Plan { lot: 0, ..plan }, &terms, |x| Ok((x, 1)))), "lot");
    assert_eq!(named(curves.push_fills(&plan, &terms, |x| Ok((x + 1, 1)))), "fill");
    assert_eq!(named(curves.push_fills(&plan, &terms, |x| Ok((x, i64::MAX)))), "fill");
    assert_eq!(curves, Curves::new());

    curves.push([(0, 0), (i64::MAX, i64::MAX)]).expect("valid points");
    let problem = Problem { curves: &curves, remaining: 0, max_lots: 1, under: 1, over: 1 };
    let both = |problem: &Problem| {
        let exact = Solver::new().exact(problem, &mut vec![], Stop::NEVER).map(drop);
        assert_eq!(exact, exhaustive(problem, 10, &mut vec![], Stop::NEVER).map(drop));
        named(exact)
    };
    assert_eq!(both(&Problem { remaining: -1, ..problem }), "remaining");
    assert_eq!(both(&Problem { under: -1, ..problem }), "lambda_under + theta");
    assert_eq!(both(&Problem { over: -CENT, ..problem }), "lambda_over + theta");
    assert_eq!(both(&Problem { remaining: 1, ..problem }), "shares");
    let huge = Problem { over: i64::MAX, ..problem };
    assert_eq!(named(Solver::new().exact(&huge, &mut vec![], Stop::NEVER).map(drop)), "curves");
}

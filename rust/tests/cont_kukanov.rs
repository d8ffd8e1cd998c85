//! The Cont & Kukanov problem against enumeration, against itself, and against what the theory says (rules C1-C7).

use std::cell::Cell;
use std::ops::ControlFlow;

use sor_core::Error;
use sor_core::cont_kukanov::bound::lower_bound;
use sor_core::cont_kukanov::solve::{Options, solve};
use sor_core::cont_kukanov::{Allocation, Parameters, Scenarios, closed_form, conditions, cost};
use sor_core::observe::Stop;

#[path = "support/effort.rs"]
mod effort;

use effort::some;

/// A small generator of our own (xorshift64), so that the instances never change with a library.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn whole(&mut self, low: usize, high: usize) -> usize {
        low + (self.uniform() * (high - low + 1) as f64) as usize
    }
}

/// Random prices within the assumptions, and outflows that are independent, dependent, or heavy-tailed.
fn instance(random: &mut Random, venues: usize, rows: usize) -> (Parameters, Scenarios) {
    let (h, f) = (0.005 + 0.02 * random.uniform(), 0.004 * random.uniform() - 0.001);
    let rebates: Vec<f64> = (0..venues).map(|_| 0.004 * random.uniform() - 0.001).collect();
    let most = rebates.iter().copied().fold(f64::MIN, f64::max);
    let p = Parameters::new(Parameters {
        half_spread: h,
        fee: f,
        theta: 0.001 * random.uniform(),
        lambda_under: h + f + 1e-4 + 0.06 * random.uniform(),
        lambda_over: h + most + 1e-4 + 0.06 * random.uniform(),
        quantity: 1000.0,
        queues: (0..venues).map(|_| (800.0 * random.uniform()).round()).collect(),
        rebates,
    })
    .expect("valid parameters");
    let law = random.whole(0, 2);
    let mut outflows = Vec::with_capacity(rows * venues);
    for _ in 0..rows {
        let common = random.uniform();
        for _ in 0..venues {
            let own = random.uniform();
            let xi = match law {
                0 => 1800.0 * own,
                1 => 1800.0 * (0.6 * common + 0.4 * own),
                _ => -800.0 * (1.0 - own).ln(),
            };
            outflows.push(xi.round());
        }
    }
    let scenarios = Scenarios::from_outflows(&outflows, &p.queues).expect("valid outflows");
    (p, scenarios)
}

/// The least `V` over the feasible lattice (rule C3), straight from [`cost`].
fn enumerated(p: &Parameters, scenarios: &Scenarios, lot: f64) -> f64 {
    let lots = (p.quantity / lot).round() as usize;
    let orders = p.venues() + 1;
    let points = (lots + 1).pow(orders as u32);
    let mut least = f64::INFINITY;
    for code in 0..points {
        let digits: Vec<usize> = (0..orders).map(|d| code / (lots + 1).pow(d as u32) % (lots + 1)).collect();
        if digits.iter().sum::<usize>() < lots || digits[1..].iter().any(|l| l + digits[0] > lots) {
            continue;
        }
        let x = allocation(&digits.iter().map(|d| *d as f64 * lot).collect::<Vec<_>>());
        least = least.min(cost(p, scenarios, &x).expect("feasible").mean);
    }
    least
}

fn allocation(orders: &[f64]) -> Allocation {
    Allocation { market: orders[0], limits: orders[1..].to_vec() }
}

fn orders(x: &Allocation) -> Vec<f64> {
    std::iter::once(x.market).chain(x.limits.iter().copied()).collect()
}

fn cents(p: &Parameters, money: f64) -> f64 {
    100.0 * money / p.quantity
}

#[test]
fn never_worse_than_enumeration_on_500_instances() {
    let mut random = Random(88_172_645_463_325_252);
    for case in 0..500 {
        let venues = 1 + case % 3;
        let rows = random.whole(5, 45);
        let (p, scenarios) = instance(&mut random, venues, rows);
        let lot = p.quantity / if venues == 3 { 8.0 } else { 10.0 };
        let found = solve(&p, &scenarios, Options { lot: Some(lot) }, Stop::NEVER).expect("solvable");
        let best = enumerated(&p, &scenarios, lot);
        assert!(found.cost.mean <= best + 1e-9, "case {case}: {} against {best}", found.cost.mean);
    }
}

/// Too many points times rows to be enumerated by the solver, few enough for the test: the descent alone.
#[test]
fn descent_meets_enumeration_on_larger_samples() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut worse = 0;
    for case in 0..60 {
        let venues = 2 + case % 2;
        let (p, scenarios) = instance(&mut random, venues, if venues == 3 { 400 } else { 1200 });
        let lot = p.quantity / if venues == 3 { 8.0 } else { 10.0 };
        let found = solve(&p, &scenarios, Options { lot: Some(lot) }, Stop::NEVER).expect("solvable");
        let best = enumerated(&p, &scenarios, lot);
        worse += usize::from(found.cost.mean > best + 1e-9);
    }
    println!("descent worse than enumeration in {worse} of 60");
    assert_eq!(worse, 0);
}

#[test]
fn no_move_of_one_lot_improves_up_to_16_venues() {
    let mut random = Random(1_442_695_040_888_963_407);
    let lot = 100.0;
    for venues in [1, 2, 3, 5, 8, 16] {
        for _ in 0..3 {
            let (p, scenarios) = instance(&mut random, venues, 600);
            let found = solve(&p, &scenarios, Options { lot: Some(lot) }, Stop::NEVER).expect("solvable");
            let x = orders(&found.allocation);
            let mut moves: Vec<Vec<f64>> = Vec::new();
            for i in 0..x.len() {
                for j in 0..=x.len() {
                    for sign in [lot, -lot] {
                        let mut y = x.clone();
                        y[i] += sign;
                        if j < x.len() && j != i {
                            y[j] -= sign;
                        }
                        if y.iter().all(|a| (0.0..=p.quantity).contains(a)) {
                            moves.push(y);
                        }
                    }
                }
            }
            for y in moves {
                let moved = cost(&p, &scenarios, &allocation(&y)).expect("feasible").mean;
                assert!(
                    moved >= found.cost.mean - 1e-9,
                    "{venues} venues: {x:?} -> {y:?} saves {}",
                    found.cost.mean - moved
                );
            }
            let test = conditions(&p, &scenarios, &found.allocation, Some(lot)).expect("feasible");
            assert!(test.slope_residual < 1e-11, "{test:?}");
        }
    }
}

/// Near-symmetric problems have many local minima on the kinks; so have random ones with many venues.
#[test]
fn starts_agree() {
    let mut random = Random(2_862_933_555_777_941_757);
    let (mut spread, mut cases): (f64, usize) = (0.0, 0);
    for quantity in [500.0, 1000.0, 5000.0] {
        for venues in [2, 3, 4, 5, 8, 16] {
            for round in 0..16 {
                let build = if round % 2 == 0 { paper_like } else { instance };
                let (mut p, scenarios) = build(&mut random, venues, 1000);
                if round >= some(16) {
                    continue;
                }
                p.quantity = quantity;
                for lot in [Some(100.0), None] {
                    let found = solve(&p, &scenarios, Options { lot }, Stop::NEVER).expect("solvable");
                    let most = found.starts.iter().copied().fold(f64::MIN, f64::max);
                    spread = spread.max(cents(&p, most - found.cost.mean));
                    cases += 1;
                }
            }
        }
    }
    println!("largest spread of starts in {cases} cases: {spread:.2e} cents per share");
    assert!(spread <= 1e-4, "{spread}");
}

/// The paper's prices; outflows with its common factor, normal in place of Poisson.
fn paper_like(random: &mut Random, venues: usize, rows: usize) -> (Parameters, Scenarios) {
    let p = Parameters::new(Parameters {
        half_spread: 0.02,
        fee: 0.003,
        rebates: vec![0.002; venues],
        theta: 0.0005,
        lambda_under: 0.05,
        lambda_over: 0.05,
        quantity: 1000.0,
        queues: vec![2000.0; venues],
    })
    .expect("valid parameters");
    let mut outflow = || 2200.0 + 2200.0_f64.sqrt() * ((0..12).map(|_| random.uniform()).sum::<f64>() - 6.0);
    let mut outflows = Vec::new();
    for _ in 0..rows {
        let common = outflow();
        outflows.extend((0..venues).map(|_| 0.6 * common + 0.4 * outflow()));
    }
    let scenarios = Scenarios::from_outflows(&outflows, &p.queues).expect("valid outflows");
    (p, scenarios)
}

#[test]
fn derivatives_are_those_of_the_cost() {
    let mut random = Random(7_046_029_254_386_353_131);
    for _ in 0..200 {
        let venues = random.whole(1, 4);
        let (p, scenarios) = instance(&mut random, venues, 30);
        let x: Vec<f64> = (0..=venues).map(|_| random.whole(1, 10) as f64 * 50.0).collect();
        let here = cost(&p, &scenarios, &allocation(&x)).expect("feasible");
        for (order, derivatives) in here.derivatives.iter().enumerate() {
            for (side, sign) in [(0, -1.0), (1, 1.0)] {
                // All kinks are at whole shares: within half a share the cost is linear.
                let mut y = x.clone();
                y[order] += 0.5 * sign;
                let moved = cost(&p, &scenarios, &allocation(&y)).expect("feasible").mean;
                let slope = (moved - here.mean) / (0.5 * sign);
                assert!((slope - derivatives[side]).abs() < 1e-9, "{slope} against {derivatives:?}");
            }
        }
        let parts = here.market + here.limit + here.impact + here.under + here.over;
        assert_eq!(here.mean.to_bits(), parts.to_bits());
    }
}

#[test]
fn cost_is_the_formula() {
    let mut random = Random(3_935_559_000_370_003_845);
    for _ in 0..100 {
        let venues = random.whole(1, 4);
        let (p, scenarios) = instance(&mut random, venues, 40);
        let x: Vec<f64> = (0..=venues).map(|_| random.uniform() * 800.0).collect();
        let mut total = 0.0;
        for row in 0..40 {
            let fills: Vec<f64> = (0..venues).map(|k| scenarios.venue(k)[row].min(x[k + 1])).collect();
            let bought = x[0] + fills.iter().sum::<f64>();
            let [under, over] = [(p.quantity - bought).max(0.0), (bought - p.quantity).max(0.0)];
            total +=
                (p.half_spread + p.fee) * x[0] + p.theta * (x.iter().sum::<f64>() + under) + p.lambda_under * under;
            total += p.lambda_over * over;
            total -= fills.iter().zip(&p.rebates).map(|(fill, r)| (p.half_spread + r) * fill).sum::<f64>();
        }
        let here = cost(&p, &scenarios, &allocation(&x)).expect("feasible").mean;
        assert!((here - total / 40.0).abs() < 1e-9, "{here} against {}", total / 40.0);
    }
}

#[test]
fn the_bound_is_below_every_allocation_and_tight_at_one_venue() {
    let mut random = Random(6_364_136_223_846_793_005);
    for case in 0..60 {
        let venues = 1 + case % 4;
        let (p, scenarios) = instance(&mut random, venues, 40);
        let found = solve(&p, &scenarios, Options::default(), Stop::NEVER).expect("solvable");
        let bound = lower_bound(&p, &scenarios, &found.allocation, Stop::NEVER).expect("solvable");
        assert!(bound.value <= found.cost.mean + 1e-9);
        assert!(bound.relaxed - bound.value < 1e-3 * p.quantity * p.lambda_under, "not converged: {bound:?}");
        for _ in 0..50 {
            let x: Vec<f64> = (0..=venues).map(|_| random.uniform() * p.quantity).collect();
            assert!(bound.value <= cost(&p, &scenarios, &allocation(&x)).expect("feasible").mean);
        }
        if venues == 1 {
            assert!(cents(&p, found.cost.mean - bound.value) < 1e-3, "{} above {}", found.cost.mean, bound.value);
        }
    }
}

#[test]
fn one_venue_solved_is_the_closed_form() {
    let mut random = Random(1_181_783_497_276_652_981);
    for _ in 0..50 {
        let (p, scenarios) = instance(&mut random, 1, 101);
        let found = solve(&p, &scenarios, Options::default(), Stop::NEVER).expect("solvable");
        let mut capacity = scenarios.venue(0).to_vec();
        let level = closed_form::quantile_level(&p).expect("one venue");
        let limit = if level >= 1.0 { p.quantity } else { closed_form::quantile(&mut capacity, level).min(p.quantity) };
        let x = Allocation { market: p.quantity - limit, limits: vec![limit] };
        let formula = cost(&p, &scenarios, &x).expect("feasible").mean;
        assert!((found.cost.mean - formula).abs() < 1e-7, "{} against {formula}", found.cost.mean);
    }
}

#[test]
fn the_market_order_is_a_quantile() {
    let mut random = Random(2_685_821_657_736_338_717);
    for _ in 0..50 {
        let (p, scenarios) = instance(&mut random, 3, 60);
        let limits: Vec<f64> = (0..3).map(|_| random.uniform() * 500.0).collect();
        let at =
            |market: f64| cost(&p, &scenarios, &Allocation { market, limits: limits.clone() }).expect("feasible").mean;
        let mut fills = scenarios.executed(&Allocation { market: 0.0, limits: limits.clone() });
        let best = closed_form::market_order(&p, &mut fills);
        let least = (0..=1000).map(|m| at(f64::from(m))).fold(f64::INFINITY, f64::min);
        assert!(at(best) <= least + 1e-9, "{best}: {} against {least}", at(best));
    }
}

#[test]
fn equal_input_gives_equal_bytes() {
    let (p, scenarios) = paper_like(&mut Random(42), 4, 1000);
    let bytes = || {
        let found = solve(&p, &scenarios, Options { lot: None }, Stop::NEVER).expect("solvable");
        let bound = lower_bound(&p, &scenarios, &found.allocation, Stop::NEVER).expect("solvable");
        let floats = orders(&found.allocation).into_iter().chain([found.cost.mean, bound.value]);
        floats.map(f64::to_bits).collect::<Vec<_>>()
    };
    let here = bytes();
    let there = std::thread::scope(|scope| {
        [scope.spawn(bytes), scope.spawn(bytes)].map(|thread| thread.join().expect("no panic"))
    });
    assert!(there.iter().all(|other| *other == here));
}

#[test]
fn long_calls_stop_when_told_to() {
    let (p, scenarios) = paper_like(&mut Random(7), 8, 20_000);
    let start = Allocation { market: 0.0, limits: vec![0.0; 8] };
    for lot in [Some(100.0), None] {
        let asked = Cell::new(0);
        let count = || {
            asked.set(asked.get() + 1);
            ControlFlow::Continue(())
        };
        let whole = solve(&p, &scenarios, Options { lot }, Stop::new(&count)).expect("solvable");
        assert_eq!(whole, solve(&p, &scenarios, Options { lot }, Stop::NEVER).expect("solvable"));
        let all = asked.get();
        assert!(all > 10, "asked {all} times");
        for most in [1, all / 2, all] {
            let asked = Cell::new(0);
            let limited = || {
                asked.set(asked.get() + 1);
                if asked.get() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            };
            let stopped = solve(&p, &scenarios, Options { lot }, Stop::new(&limited));
            assert_eq!((stopped, asked.get()), (Err(Error::Stopped), most), "not at once");
        }
    }
    let stopped = lower_bound(&p, &scenarios, &start, Stop::new(&|| ControlFlow::Break(())));
    assert_eq!(stopped, Err(Error::Stopped));
}

#[test]
fn assumptions_are_named() {
    let valid = paper_like(&mut Random(1), 2, 1).0;
    let broken = [
        (Parameters { rebates: vec![0.002, -0.03], ..valid.clone() }, "A1"),
        (Parameters { lambda_over: 0.02, ..valid.clone() }, "A2"),
        (Parameters { fee: -0.5, ..valid.clone() }, "A2"),
        (Parameters { lambda_under: 0.02, ..valid.clone() }, "A3"),
        (Parameters { quantity: 0.0, ..valid.clone() }, "S must"),
        (Parameters { queues: vec![1.0], ..valid.clone() }, "Q must"),
        (Parameters { theta: f64::NAN, ..valid }, "theta"),
    ];
    for (parameters, name) in broken {
        let error: Error = Parameters::new(parameters).expect_err(name);
        assert!(error.to_string().contains(name), "{error}");
    }
}

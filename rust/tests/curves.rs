//! scratch
#![allow(missing_docs)]
use sor_core::allocate::curves::{Curves, Plan, Problem, Solver, Terms, exhaustive};
use sor_core::units::Side;

struct Rng(u64);
impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: i64) -> i64 {
        (self.next() % n as u64) as i64
    }
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[test]
fn agree() {
    let mut solver = Solver::new();
    let (mut a, mut b) = (vec![], vec![]);
    for seed in 0..20000 {
        let mut rng = Rng(seed);
        let mut curves = Curves::new();
        for _ in 0..=rng.below(4) {
            let top = rng.below(8);
            let range = [3, 10, 1000][rng.below(3) as usize];
            curves
                .push((0..=top).map(|k| if k == 0 { (0, 0) } else { (rng.below(range) - range / 2, rng.below(k * 3)) }))
                .unwrap();
        }
        let p = Problem {
            curves: &curves,
            remaining: rng.below(20),
            max_lots: rng.below(20) as usize,
            under: rng.below(30),
            over: rng.below(30),
        };
        let x = exhaustive(&p, 1 << 40, &mut a).unwrap();
        let y = solver.exact(&p, &mut b).unwrap();
        assert_eq!((x, &a), (y, &b), "{seed} {p:?}");
    }
}

#[test]
fn speed() {
    for (n, ov) in [(5, 1.0), (5, 1.2), (5, 1.5), (16, 1.0), (16, 1.2), (16, 1.5)] {
        for kind in 0..8 {
 let pick: Option<u64> = std::env::var("PICK").ok().map(|s| s.parse().unwrap()); if pick.is_some_and(|p| p != kind) { continue; }

            let mut solver = Solver::new();
            let mut out = vec![];
            let mut all: Vec<Curves> = vec![];
            for seed in 0..200 {
                let mut rng = Rng(seed * 77 + kind);
                let mut curves = Curves::new();
                for i in 0..n {
                    let size = 5000 + rng.below(50) * 100;
                    let price = 100_000_000_000 + rng.below(4) * 10_000_000;
                    let queue = match kind {
                        0 => 0.5,
                        1 => 0.0,
                        2 => 0.05 * rng.below(21) as f64,
                        3 => rng.unit() * 0.3,
                        4 => 0.05 * rng.below(6) as f64,
                        _ => rng.unit() * 0.3,
                    };
                    let (impact, price, size) = match kind {
                        5 => (0.0, price, size),
                        6 => (0.0, 100_000_000_000, size),
                        7 => (0.0005, 100_000_000_000, 5000),
                        _ => (0.0005, price, size),
                    };
                    let fee = 3_000_000;
                    let _ = i;
                    let plan =
                        Plan { side: Side::Buy, lot: 100, cap: (ov * 5000.0) as i64, benchmark: 99_995_000_000 };
                    curves
                        .push_fills(&plan, &Terms { available: 5000, taker_fee: fee, maker_rebate: 2_000_000 }, |x| {
                            let t = (x as f64 * (0.9 * (1.0 - queue))).round_ties_even() as i64;
                            let p = (price as f64 * (1.0 + impact * x as f64 / size as f64)).round_ties_even() as i64;
                            (t, p)
                        })
                        .unwrap();
                }
                all.push(curves);
            }
            let (mut sum, mut worst) = (0.0, (0.0, 0));
            for round in 0..if pick.is_some() {1} else {2} {
                sum = 0.0;
                worst = (0.0, 0);
                for (i, curves) in all.iter().enumerate() {
                    let bps = [5, 10, 20];
                    let p = Problem {
                        curves,
                        remaining: 5000 - 37 * (i as i64 % 3),
                        max_lots: (ov * 50.0) as usize,
                        under: 10_000_000 * (bps[i % 3] + 1),
                        over: 10_000_000 * (bps[i / 3 % 3] + 1),
                    };
                    let start = std::time::Instant::now();
                    solver.exact(&p, &mut out).unwrap();
                    let t = start.elapsed().as_secs_f64() * 1e6;
                    sum += t;
                    if t > worst.0 {
                        worst = (t, i);
                    }
                }
                let _ = round;
            }
            println!(
                "n {n} overbook {ov} kind {kind}: mean {:.1} us worst {:.1} ({}) {:?}",
                sum / all.len() as f64,
                worst.0,
                worst.1,
                solver.expanded()
            );
        }
    }
}

//! Seeded books for the tests, the bench and the example of the curve allocator.

use sor_core::allocate::curves::{Curves, Plan, Problem, Terms};
use sor_core::units::Side;

/// The `SplitMix64` generator.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `0..n`.
    pub(crate) fn below(&mut self, n: i64) -> i64 {
        (self.next() % n as u64) as i64
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as i64) as usize].clone()
    }

    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// How the venues fill (rules F1, F2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fills {
    /// Rule F1.
    Displayed,
    /// F2, the same queue position everywhere.
    Queue(f64),
    /// F2, a queue position in twentieths up to this one at each venue.
    Grid(f64),
    /// F2, any queue position up to this one at each venue.
    Spread(f64),
    /// F2 without impact, any queue position up to this one, one price: every split is nearly as good.
    Flat(f64),
}

/// An owned [`Problem`].
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) curves: Curves,
    pub(crate) remaining: i64,
    pub(crate) max_lots: usize,
    pub(crate) under: i64,
    pub(crate) over: i64,
}

impl Case {
    pub(crate) fn problem(&self) -> Problem<'_> {
        let &Case { ref curves, remaining, max_lots, under, over } = self;
        Problem { curves, remaining, max_lots, under, over }
    }
}

pub(crate) const CENT: i64 = 10_000_000;

/// A 100-dollar stock: `venues` venues that can be sent up to `lots` lots of 100 shares each, few price levels.
pub(crate) fn case(rng: &mut Rng, venues: usize, lots: i64, overbook: f64, fills: Fills) -> Case {
    let lot = 100;
    let remaining = lots * lot - rng.pick(&[0, 0, 37, 250]).min(lots * lot - 1);
    let side = rng.pick(&[Side::Buy, Side::Sell]);
    let benchmark = 10_000 * CENT;
    let plan = Plan { side, lot, cap: (overbook * remaining as f64).floor() as i64, benchmark };
    let mut curves = Curves::new();
    for _ in 0..venues {
        let flat = matches!(fills, Fills::Flat(_));
        let quoted = benchmark + side.sign() * (CENT / 2 + if flat { 0 } else { rng.below(4) * CENT });
        let displayed = if flat { lots * lot } else { lot * (lots - rng.below(lots / 2 + 1)) + rng.below(lot) };
        let (position, max_fill, impact) = match fills {
            Fills::Displayed => (0.0, 1.0, 0.0),
            Fills::Queue(position) => (position, 0.9, 0.0005),
            Fills::Grid(most) => (0.05 * rng.below((most * 20.0) as i64 + 1) as f64, 0.9, 0.0005),
            Fills::Spread(most) => (most * rng.unit(), 0.9, 0.0005),
            Fills::Flat(most) => (most * rng.unit(), 0.9, 0.0),
        };
        let terms = Terms { available: displayed, taker_fee: 3_000_000, maker_rebate: 2_000_000 };
        let fill = |x: i64| {
            let executed = (x.min(displayed) as f64 * (max_fill * (1.0 - position))).round_ties_even();
            let slippage = impact * x as f64 / displayed as f64;
            let price = (quoted as f64 * (1.0 + side.sign() as f64 * slippage)).round_ties_even();
            (executed as i64, price as i64)
        };
        curves.push_fills(&plan, &terms, |x| Ok(fill(x))).expect("a valid book");
    }
    // lambda + theta at 5-20 and 0.5-2 bps of 100 dollars; sometimes free or equal.
    let rates = [0, 5 * CENT + CENT / 2, 6 * CENT, 11 * CENT, 22 * CENT];
    let (under, over) = (rng.pick(&rates), rng.pick(&rates));
    Case { curves, remaining, max_lots: plan.max_lots().expect("a positive lot"), under, over }
}

/// How much the venues of a [`hard`] book differ in price, fee and rebate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Prices {
    /// One price, fee and rebate everywhere.
    Equal,
    /// Prices up to 3 nanos apart.
    Nanos,
    /// Fees and rebates in steps of a hundredth of a cent.
    Fees,
    /// Prices one or two ticks of a cent apart.
    Ticks,
}

/// Books that ask most of the exact allocator: overbooked, without impact, a queue position of its own at every venue, so
/// that very many splits are nearly as good and few execute exactly what is wanted.
pub(crate) fn hard(rng: &mut Rng, venues: usize, lots: i64, overbook: f64, prices: Prices) -> Case {
    let lot = 100;
    let remaining = lots * lot - rng.pick(&[0, 0, 37, rng.0 as i64 & 0xFFF]).min(lots * lot - 1);
    let side = rng.pick(&[Side::Buy, Side::Sell]);
    let benchmark = 10_000 * CENT;
    let plan = Plan { side, lot, cap: (overbook * remaining as f64).floor() as i64, benchmark };
    let mut curves = Curves::new();
    let even = rng.below(2) == 0;
    for i in 0..venues {
        let away = match prices {
            Prices::Nanos => rng.below(4),
            Prices::Ticks => rng.below(3) * CENT,
            Prices::Equal | Prices::Fees => 0,
        };
        let quoted = benchmark + side.sign() * (CENT + away);
        let displayed = lot * (10 + rng.below(40)) + rng.below(lot);
        let position = if even { 0.1 + 0.8 * i as f64 / venues as f64 } else { rng.unit() };
        let [fee, rebate] = if prices == Prices::Fees { [rng.below(6), rng.below(6)] } else { [0, 0] };
        let (taker_fee, maker_rebate) = (3_000_000 - fee * 100_000, 2_000_000 + rebate * 100_000);
        let terms = Terms { available: displayed, taker_fee, maker_rebate };
        let fill = |x: i64| ((x as f64 * (0.9 * (1.0 - position))).round_ties_even() as i64, quoted);
        curves.push_fills(&plan, &terms, |x| Ok(fill(x))).expect("a valid book");
    }
    let rates = [5 * CENT + CENT / 2, 6 * CENT, 11 * CENT, 22 * CENT];
    let (under, over) = (rng.pick(&rates), rng.pick(&rates));
    Case { curves, remaining, max_lots: plan.max_lots().expect("a positive lot"), under, over }
}

//! Records on their way to a tape: what is no quote, what is malformed, and what is counted (rules B1, B2, N1).

use sor_core::market::{Batch, Prices, Room, Tape};
use sor_core::units::UNDEF_PRICE;

const TIMES: std::ops::RangeInclusive<i64> = 0..=i64::MAX - 1;

/// Columns with room for so many records.
struct Columns {
    ts: Vec<i64>,
    venue: Vec<u16>,
    prices: [Vec<i64>; 2],
    sizes: [Vec<u32>; 2],
    sequence: u64,
    met: Vec<bool>,
}

impl Columns {
    fn new(records: usize) -> Self {
        Self {
            ts: vec![-1; records],
            venue: vec![0; records],
            prices: [vec![-1; records], vec![-1; records]],
            sizes: [vec![9; records], vec![9; records]],
            sequence: 0,
            met: vec![false; 1 << 16],
        }
    }

    fn room(&mut self) -> Room<'_> {
        let [bid_px, ask_px] = &mut self.prices;
        let [bid_sz, ask_sz] = &mut self.sizes;
        Room {
            ts: &mut self.ts,
            venue: &mut self.venue,
            bid_px,
            bid_sz,
            ask_px,
            ask_sz,
            sequence: &mut self.sequence,
            met: &mut self.met,
        }
    }
}

fn batch<'a>(ts: &'a [i64], sequence: Option<&'a [u64]>, bids: Prices<'a>, flat: &'a Flat) -> Batch<'a> {
    let n = ts.len();
    Batch {
        ts,
        venue: &flat.venue[..n],
        bid_px: bids,
        bid_sz: &flat.size[..n],
        ask_px: Prices::Whole(&flat.price[..n]),
        ask_sz: &flat.size[..n],
        sequence,
    }
}

/// Columns that say the same in every record.
struct Flat {
    venue: Vec<u16>,
    price: Vec<i64>,
    size: Vec<u32>,
}

fn flat(records: usize) -> Flat {
    Flat { venue: vec![7; records], price: vec![101; records], size: vec![5; records] }
}

#[test]
fn records_are_compared_with_the_one_before_across_blocks_and_batches() {
    // Longer than a block, and taken in two batches.
    let (cut, all) = (5_000, 8_000);
    let ts: Vec<i64> = (0..all).map(|i| i / 4).collect();
    // Of four of one time two are told apart by the sequence.
    let sequence: Vec<u64> = (0..all as u64).map(|i| [7, 7, 8, 9][(i % 4) as usize]).collect();
    let flat = flat(ts.len());
    let taken = |ts: &[i64], sequence: Option<&[u64]>| {
        let mut columns = Columns::new(ts.len());
        let mut room = columns.room();
        let part = |rows: std::ops::Range<usize>| {
            batch(&ts[rows.clone()], sequence.map(|all| &all[rows.clone()]), Prices::Whole(&flat.price[rows]), &flat)
        };
        let (one, other) = (part(0..cut), part(cut..ts.len()));
        assert!(room.fits(0, &one) && room.fits(cut, &other) && !room.fits(cut + 1, &other));
        let repeated = room.take(0, &one, &TIMES)? + room.take(cut, &other, &TIMES)?;
        assert_eq!(columns.ts, ts);
        assert_eq!(columns.met.iter().filter(|&&met| met).count(), 1);
        assert!(columns.met[7]);
        Some(repeated)
    };
    assert_eq!(taken(&ts, None), Some(3 * ts.len() / 4));
    assert_eq!(taken(&ts, Some(&sequence)), Some(ts.len() / 4));
    for at in [1, 2047, 2048, 2049, cut - 1, cut, cut + 1, ts.len() - 1] {
        let mut late = ts.clone();
        late[at - 1] = late[at] + 1;
        assert_eq!(taken(&late, None), None, "{at}");
    }
    for at in [2049, cut + 1] {
        let mut late = sequence.clone();
        late[at - 1] = late[at] + 1;
        assert_eq!(ts[at - 1], ts[at]);
        assert_eq!(taken(&ts, Some(&late)), None, "{at}");
    }
}

#[test]
fn a_side_without_price_or_size_is_no_quote() {
    let (ts, mut flat) = ([1, 2, 3, 4, 5], flat(5));
    flat.size[4] = 0;
    let expected = [UNDEF_PRICE, UNDEF_PRICE, UNDEF_PRICE, 100, UNDEF_PRICE];
    let floats = [f64::NAN, -1.0, UNDEF_PRICE as f64 / 1e9, 1e-7, 1.0];
    for bids in [Prices::Whole(&[0, -1, UNDEF_PRICE, 100, 100]), Prices::Float(&floats, 1e9)] {
        let mut columns = Columns::new(5);
        assert!(columns.room().take(0, &batch(&ts, None, bids, &flat), &TIMES).is_some());
        assert_eq!(columns.prices[0], expected);
        assert_eq!(columns.sizes[0], [0, 0, 0, 5, 0]);
        assert_eq!(columns.prices[1], [101, 101, 101, 101, UNDEF_PRICE]);
    }
}

#[test]
fn floats_become_the_even_one_of_the_nearest_nanos() {
    let ts = [1; 6];
    let flat = flat(6);
    let values = [0.5, 1.5, 2.5, 100.12, 4_503_599.627_370_497, 9_000_000_000.0];
    let mut columns = Columns::new(6);
    let expected = |scale: f64| values.map(|value: f64| (value * scale).round_ties_even() as i64);
    let mut whole = expected(1.0);
    whole[0] = UNDEF_PRICE; // rounds to zero
    for (scale, nanos) in [(1.0, whole), (1e9, expected(1e9))] {
        let batch = batch(&ts, None, Prices::Float(&values, scale), &flat);
        assert!(columns.room().take(0, &batch, &TIMES).is_some());
        assert_eq!(columns.prices[0], nanos);
    }
}

#[test]
fn a_time_or_a_price_out_of_range_is_malformed() {
    let flat = flat(2);
    let mut columns = Columns::new(2);
    let mut taken = |ts: &[i64; 2], price: f64| {
        let prices = [1.0, price];
        let batch = batch(ts, None, Prices::Float(&prices, 1e9), &flat);
        columns.room().take(0, &batch, &(5..=9)).is_some()
    };
    assert!(taken(&[5, 9], 9_223_372_036.0));
    assert!(!taken(&[5, 10], 1.0));
    assert!(!taken(&[4, 9], 1.0));
    assert!(!taken(&[5, 9], 9_223_372_037.0));
    assert!(!taken(&[5, 9], f64::INFINITY));
}

/// Time must not run backwards, however far out it is.
#[test]
fn times_in_order_are_a_tape() {
    let of = |ts: &[i64]| {
        let n = ts.len();
        let (venue, prices, sizes) = (vec![0; n], vec![100; n], vec![1; n]);
        let columns = sor_core::market::Columns {
            ts,
            venue: &venue,
            bid_px: &prices,
            bid_sz: &sizes,
            ask_px: &prices,
            ask_sz: &sizes,
            queue_position: None,
        };
        Tape::new(columns, 1).map(|_| ()).map_err(|error| error.to_string())
    };
    let far = 1 << 62;
    for ts in [&[][..], &[5], &[1, 1, 2], &[i64::MIN, 0, i64::MAX], &[-far - 1, far], &[far, far]] {
        assert_eq!(of(ts), Ok(()), "{ts:?}");
    }
    for ts in [&[2, 1][..], &[1, 3, 2, 4], &[i64::MAX, i64::MIN], &[far, -far - 1], &[0, i64::MAX, i64::MAX - 1]] {
        assert!(of(ts).is_err_and(|error| error.contains("must not decrease")), "{ts:?}");
    }
}

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

/// Numbers that look like chance.
fn draws(mut state: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

/// What [`Room::take`] says of records, one at a time and in the words of its rules.
fn literally(batch: &Batch<'_>) -> Option<usize> {
    let number = |row: usize| batch.sequence.map_or(0, |numbers| numbers[row]);
    let price = |prices: Prices<'_>, row: usize| match prices {
        Prices::Whole(nanos) => nanos[row],
        Prices::Float(..) => unreachable!("nanos alone are compared here"),
    };
    let side = |prices, sizes: &[u32], row: usize| {
        let (price, size) = (price(prices, row), sizes[row]);
        if price <= 0 || price == UNDEF_PRICE || size == 0 { (UNDEF_PRICE, 0) } else { (price, size) }
    };
    let all = |row: usize| {
        let sides = (side(batch.bid_px, batch.bid_sz, row), side(batch.ask_px, batch.ask_sz, row));
        (batch.ts[row], number(row), batch.venue[row], sides)
    };
    let mut repeated = 0;
    for row in 1..batch.ts.len() {
        if (batch.ts[row], number(row)) < (batch.ts[row - 1], number(row - 1)) {
            return None;
        }
        repeated += usize::from(all(row) == all(row - 1));
    }
    Some(repeated)
}

#[test]
fn records_of_one_time_are_compared_as_the_rules_say() {
    let mut given = [0, 0];
    for seed in 0..400 {
        let mut draw = draws(seed);
        let records = 1 + draw(300) as usize * if seed % 8 == 0 { 20 } else { 1 };
        let odd = [1, 50, 5_000][draw(3) as usize];
        let (start, far) = ([0, i64::MAX - 10_000, -(1 << 62) - 40][draw(3) as usize], draw(2) == 0);
        let mut ts = vec![start; records];
        let mut numbers = vec![if far { u64::MAX - 10_000 } else { 0 }; records];
        let mut columns = [(); 5].map(|()| vec![1_u32; records]);
        for row in 1..records {
            ts[row] = ts[row - 1] + i64::from(draw(4) > 0);
            numbers[row] = numbers[row - 1] + draw(3).min(1);
            // Nearly every record differs from the one before in one column at least; a few columns differ at times alone.
            let alike = draw(8) == 0;
            for column in &mut columns {
                column[row] = if alike { column[row - 1] } else { 1 + draw(2) as u32 };
            }
        }
        if draw(odd) == 0 {
            let row = draw(records as u64) as usize;
            if draw(2) == 0 { ts[row] -= 1 + draw(2) as i64 } else { numbers[row] = numbers[row].wrapping_sub(2) }
        }
        let [venue, bids, asks, bid_sz, ask_sz] = &columns;
        let venue: Vec<u16> = venue.iter().map(|&code| code as u16).collect();
        let prices = [bids, asks].map(|prices| prices.iter().map(|&price| i64::from(price)).collect::<Vec<_>>());
        let batch = Batch {
            ts: &ts,
            venue: &venue,
            bid_px: Prices::Whole(&prices[0]),
            bid_sz,
            ask_px: Prices::Whole(&prices[1]),
            ask_sz,
            sequence: (draw(2) == 0).then_some(&numbers[..]),
        };
        let mut columns = Columns::new(records);
        let found = columns.room().take(0, &batch, &(i64::MIN..=i64::MAX));
        assert_eq!(found, literally(&batch), "{seed}");
        given[usize::from(found.is_some())] += 1;
    }
    assert!(given.iter().all(|&times| times > 40), "{given:?}");
}

#[test]
fn what_is_so_far_out_that_a_difference_overflows_is_out_of_order_too() {
    let flat = flat(4);
    let taken = |ts: [i64; 4], numbers: [u64; 4]| {
        let batch = batch(&ts, Some(&numbers), Prices::Whole(&flat.price), &flat);
        Columns::new(4).room().take(0, &batch, &(i64::MIN..=i64::MAX))
    };
    assert_eq!(taken([i64::MIN, 0, 1, i64::MAX], [0; 4]), Some(0));
    assert_eq!(taken([5; 4], [0, 1, u64::MAX - 1, u64::MAX]), Some(0));
    assert_eq!(taken([0, i64::MAX, i64::MIN, i64::MIN], [0, 1, 2, 3]), None);
    assert_eq!(taken([5; 4], [1 << 62, 1 << 63, 0, 1]), None);
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
    let expected = |scale: f64| values.map(|value: f64| (value * scale).round_ties_even() as i64);
    let mut whole = expected(1.0);
    whole[0] = UNDEF_PRICE; // rounds to zero
    // Without the large ones all are of the size that is rounded several at once.
    for (records, scale, nanos) in [(6, 1.0, whole), (6, 1e9, expected(1e9)), (4, 1e9, expected(1e9)), (4, 1.0, whole)]
    {
        let (ts, nanos) = (&ts[..records], &nanos[..records]);
        let mut columns = Columns::new(records);
        let batch = batch(ts, None, Prices::Float(&values[..records], scale), &flat);
        assert!(columns.room().take(0, &batch, &TIMES).is_some());
        assert_eq!(columns.prices[0], nanos);
    }
}

#[test]
fn what_rounds_to_zero_is_no_quote() {
    // Half a nano is 5e-8 here, and the product with the float above it is rounded to a half.
    let (least, flat) = (5e-8_f64, flat(3));
    let values = [least, least.next_up(), 1e-7];
    let mut columns = Columns::new(3);
    let batch = batch(&[1, 2, 3], None, Prices::Float(&values, 1e7), &flat);
    assert!(columns.room().take(0, &batch, &TIMES).is_some());
    assert_eq!(columns.prices[0], [UNDEF_PRICE, UNDEF_PRICE, 1]);
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

//! A table of fills by hand: at its nodes, between them, beyond its edges, and with one row or column (rule Q4).

use sor_core::fills::{Expects, FillTable, Met, Sent};
use sor_core::units::{Shares, Side};

/// Probabilities of a thousandth of displayed and sent together, which interpolation gives back between the nodes.
fn table(displayed: &[f64], sent: &[f64]) -> FillTable {
    let values =
        |scale: f64| displayed.iter().flat_map(|d| sent.iter().map(move |s| scale * (d + s))).collect::<Vec<f64>>();
    FillTable::new(displayed.to_vec(), sent.to_vec(), values(1e-3), values(1e-4)).expect("a table")
}

fn probability(table: &FillTable, displayed: Shares, quantity: Shares, available: Shares) -> f64 {
    let sent = Sent { side: Side::Buy, quantity, venue: 0, now: 0 };
    let met = Met { key: 1_000_000, displayed, available, age: 0, queue_position: 0.5 };
    table.expected(&sent, &met).expect("in range").probability
}

#[track_caller]
fn close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-12, "{found} is not {wanted}");
}

#[test]
fn at_nodes_and_between_them() {
    let table = table(&[100.0, 200.0, 400.0], &[10.0, 20.0]);
    close(probability(&table, 100, 10, 100), 0.110);
    close(probability(&table, 200, 20, 200), 0.220);
    close(probability(&table, 300, 15, 300), 0.315);
    close(probability(&table, 400, 20, 400), 0.420);
}

#[test]
fn beyond_the_edges_it_stays_what_it_is_there() {
    let table = table(&[100.0, 200.0], &[10.0, 20.0]);
    close(probability(&table, 1, 1, 1), 0.110);
    close(probability(&table, 100_000, 90_000, 100_000), 0.220);
    close(probability(&table, 150, 5, 150), 0.160);
    close(probability(&table, 50, 15, 50), 0.115);
}

#[test]
fn what_is_not_there_is_not_sent() {
    let table = table(&[100.0, 200.0], &[10.0, 20.0]);
    assert_eq!(probability(&table, 150, 500, 12).to_bits(), probability(&table, 150, 12, 150).to_bits());
}

#[test]
fn one_row_or_one_column_interpolates_the_other_way() {
    let (row, column, one) =
        (table(&[100.0], &[10.0, 20.0]), table(&[100.0, 200.0], &[10.0]), table(&[100.0], &[10.0]));
    for displayed in [1, 100, 7_000] {
        close(probability(&row, displayed, 15, 15), 0.115);
        close(probability(&one, displayed, 15, 15), 0.110);
    }
    for sent in [1, 10, 7_000] {
        close(probability(&column, 150, sent, sent), 0.160);
    }
}

#[test]
fn nodes_ascend_and_values_are_in_their_ranges() {
    let made = |displayed: &[f64], probability: f64, slippage: f64| {
        let size = displayed.len();
        FillTable::new(displayed.to_vec(), vec![1.0], vec![probability; size], vec![slippage; size])
    };
    assert!(made(&[1.0, 2.0], 1.0, -1.0).is_ok());
    for displayed in [&[][..], &[2.0, 1.0], &[1.0, 1.0], &[-1.0, 1.0], &[f64::NAN], &[1.0, f64::NAN]] {
        assert!(made(displayed, 0.5, 0.0).is_err(), "{displayed:?}");
    }
    for value in [f64::NAN, 1.1, -1.1, f64::INFINITY] {
        assert!(made(&[1.0], value, 0.0).is_err(), "{value}");
        assert!(made(&[1.0], 0.5, value).is_err(), "{value}");
    }
    assert!(made(&[1.0], -0.1, 0.0).is_err());
    assert!(FillTable::new(vec![1.0, 2.0], vec![1.0], vec![0.5], vec![0.0, 0.0]).is_err());
}

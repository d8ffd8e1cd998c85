//! What a search keeps from one step to the next, and how it sums over the scenarios.

/// What the exchanges of any limit order for one have in common, kept from one to the next: of all pairs most are looked at
/// where nothing has moved since the last.
#[derive(Default)]
pub(super) struct Pivot {
    /// The one's venue, the step, and the moves made.
    pub(super) key: Option<(usize, u64, usize)>,
    /// Shares missing in every scenario when it has a step more, and a step less.
    pub(super) short_more: Vec<f64>,
    pub(super) short_less: Vec<f64>,
}

/// An order's amount and a step, and by how much its fills change in sum with a step less, and with a step more.
pub(super) type Fills = Option<([u64; 2], [f64; 2])>;

/// Sums over rows of several columns, each in two interleaved partial sums: a fixed order that vectorises, and few
/// enough of them for the registers.
pub(super) fn lane_sums<const COLUMNS: usize, const SUMS: usize>(
    columns: [&[f64]; COLUMNS],
    terms: impl Fn([f64; COLUMNS]) -> [f64; SUMS],
) -> [f64; SUMS] {
    const LANES: usize = 2;
    let rows = columns[0].len();
    let mut lanes = [[0.0; LANES]; SUMS];
    let mut row = 0;
    while row + LANES <= rows {
        let block = columns.map(|column| column[row..row + LANES].first_chunk::<LANES>().expect("LANES rows"));
        for lane in 0..LANES {
            let terms = terms(block.map(|values| values[lane]));
            for (sum, term) in lanes.iter_mut().zip(terms) {
                sum[lane] += term;
            }
        }
        row += LANES;
    }
    let mut sums = lanes.map(|lanes| lanes.iter().sum::<f64>());
    for n in row..rows {
        for (sum, term) in sums.iter_mut().zip(terms(columns.map(|column| column[n]))) {
            *sum += term;
        }
    }
    sums
}

//! The problem's parameters, their assumptions, and what is decided.

use crate::error::{Result, finite, require};

/// Relative distance, in units of the order, below which `A` counts as equal to `S` and a fill as equal to its order:
/// the sums that meet there are sums of the same numbers in another order.
const COINCIDENCE: f64 = 1e-9;

/// Prices and penalties of the problem, per share; sizes in shares. Checked by [`Parameters::new`].
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// Half the spread, `h`.
    pub half_spread: f64,
    /// Taker fee, `f`.
    pub fee: f64,
    /// Rebate of each venue net of adverse selection, `r_k`.
    pub rebates: Vec<f64>,
    /// Impact per share submitted, `theta`.
    pub theta: f64,
    /// Full cost of a share not bought by `T`, `lambda_u`.
    pub lambda_under: f64,
    /// Cost of a share bought beyond the order, `lambda_o`.
    pub lambda_over: f64,
    /// Shares to buy, `S`.
    pub quantity: f64,
    /// Shares ahead of ours in each venue's queue, `Q_k`.
    pub queues: Vec<f64>,
}

impl Parameters {
    /// The parameters, once the model's assumptions hold (rule C2).
    ///
    /// # Errors
    /// Names the argument that is not finite or out of range, or the assumption that fails (rule C2).
    pub fn new(parameters: Self) -> Result<Self> {
        let p = &parameters;
        finite("h", p.half_spread)?;
        finite("f", p.fee)?;
        finite("theta", p.theta)?;
        finite("lambda_under", p.lambda_under)?;
        finite("lambda_over", p.lambda_over)?;
        finite("S", p.quantity)?;
        for &rebate in &p.rebates {
            finite("r", rebate)?;
        }
        for &queue in &p.queues {
            finite("Q", queue)?;
            require(queue >= 0.0, "Q", "must be at least 0 shares", || format!("{queue}"))?;
        }
        require(!p.rebates.is_empty(), "r", "must have one value per venue, and at least one venue", || "none".into())?;
        require(p.queues.len() == p.rebates.len(), "Q", "must have one value per venue", || {
            format!("{} for {} venues", p.queues.len(), p.rebates.len())
        })?;
        require(p.quantity > 0.0, "S", "must be positive", || format!("{}", p.quantity))?;
        require(p.theta >= 0.0, "theta", "must be at least 0", || format!("{}", p.theta))?;
        p.assumptions()?;
        Ok(parameters)
    }

    fn assumptions(&self) -> Result<()> {
        let least = self.rebates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.rebates.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (h, take) = (self.half_spread, self.half_spread + self.fee);
        require(least + h > 0.0, "r", "must exceed -h at every venue (assumption A1)", || {
            format!("{least} with h = {h}")
        })?;
        require(self.lambda_over > h + most, "lambda_over", "must exceed h + max r (assumption A2)", || {
            format!("{} with h + max r = {}", self.lambda_over, h + most)
        })?;
        require(self.lambda_over > -take, "lambda_over", "must exceed -(h + f) (assumption A2)", || {
            format!("{} with -(h + f) = {}", self.lambda_over, -take)
        })?;
        require(self.lambda_under > take, "lambda_under", "must exceed h + f (assumption A3)", || {
            format!("{} with h + f = {take}", self.lambda_under)
        })
    }

    /// `K`.
    #[must_use]
    pub fn venues(&self) -> usize {
        self.rebates.len()
    }

    /// What a filled limit share at venue `k` saves against the mid, `h + r_k`.
    pub(crate) fn limit_gain(&self, venue: usize) -> f64 {
        self.half_spread + self.rebates[venue]
    }

    /// What a market share costs against the mid, `h + f`.
    pub(crate) fn take_cost(&self) -> f64 {
        self.half_spread + self.fee
    }

    /// What a missing share costs, `lambda_u + theta`: it is submitted once more.
    pub(crate) fn miss_cost(&self) -> f64 {
        self.lambda_under + self.theta
    }

    pub(super) fn tolerance(&self) -> f64 {
        COINCIDENCE * self.quantity
    }
}

/// What is sent at time 0, in shares: `X = (M, L_1 .. L_K)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// The market order, `M`.
    pub market: f64,
    /// The limit orders, `L_k`.
    pub limits: Vec<f64>,
}

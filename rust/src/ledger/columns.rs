//! Rows declared once: a struct, and its fields as named columns for whoever shows them.

use crate::ledger::{Kind, Reason, Status};
use crate::units::Money;

/// The values of a column: how to read one off a row.
pub enum Values<R> {
    /// Shares, prices in nanos, times.
    Whole(fn(&R) -> i64),
    /// The same, where they may be missing.
    MaybeWhole(fn(&R) -> Option<i64>),
    /// Real numbers that may be missing.
    MaybeReal(fn(&R) -> Option<f64>),
    /// Counts.
    Count(fn(&R) -> u32),
    /// Sums of money, nanos.
    Money(fn(&R) -> Money),
    /// A child's number.
    Child(fn(&R) -> Option<u32>),
    /// Venue indices.
    Venue(fn(&R) -> usize),
    /// See [`Kind`].
    Kind(fn(&R) -> Kind),
    /// See [`Reason`].
    Reason(fn(&R) -> Reason),
    /// See [`Status`].
    Status(fn(&R) -> Status),
}

/// A type of field, which says what kind of column it makes.
pub(super) trait Field: Sized {
    fn values<R>(get: fn(&R) -> Self) -> Values<R>;
}

macro_rules! fields {
    ($($type:ty => $values:ident)+) => {
        $(impl Field for $type {
            fn values<R>(get: fn(&R) -> Self) -> Values<R> {
                Values::$values(get)
            }
        })+
    };
}

fields! {
    i64 => Whole
    Option<i64> => MaybeWhole
    Option<f64> => MaybeReal
    u32 => Count
    Money => Money
    Option<u32> => Child
    usize => Venue
    Kind => Kind
    Reason => Reason
    Status => Status
}

/// Declares a row: a struct, whose fields in their order are the columns of its table.
macro_rules! row {
    (
        $(#[$about:meta])*
        pub struct $row:ident {
            $($(#[$field_about:meta])* pub $field:ident: $type:ty,)+
        }
    ) => {
        $(#[$about])*
        pub struct $row {
            $($(#[$field_about])* pub $field: $type,)+
        }

        impl $row {
            /// Its fields as named columns.
            #[must_use]
            pub fn columns() -> Vec<(&'static str, Values<Self>)> {
                vec![$((stringify!($field), <$type as Field>::values(|row: &Self| row.$field)),)+]
            }
        }
    };
}

pub(super) use row;

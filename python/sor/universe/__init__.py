"""Many symbol-days: a universe of tapes that are never in memory together, here or on a cluster."""

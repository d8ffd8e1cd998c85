"""Tables made from a ledger."""

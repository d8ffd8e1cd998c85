"""The door to the Rust core."""

"""What a user sets, checked when it is made."""

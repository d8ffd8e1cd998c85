"""What people see: plots, the report, the terminal."""

"""What runs: backtests, studies, searches."""

"""`python -m sor`, the same as `sor`."""

from sor.cli import main

if __name__ == "__main__":
    main()

"""`python -m dormouse` is `dormouse`."""

from dormouse.cli import main

if __name__ == "__main__":
    main()

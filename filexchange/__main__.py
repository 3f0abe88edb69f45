"""``python -m filexchange``."""

from filexchange.cli import main

if __name__ == "__main__":
    main()

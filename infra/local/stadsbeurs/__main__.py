"""`python -m stadsbeurs` is the `stadsbeurs` command."""

from stadsbeurs.cli import main

if __name__ == "__main__":
    raise SystemExit(main())

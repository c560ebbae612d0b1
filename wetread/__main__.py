"""`python -m wetread`."""

from wetread.cli import main

main()

"""`python -m pipeline` is `chartloom`."""

from pipeline.cli import main

main()

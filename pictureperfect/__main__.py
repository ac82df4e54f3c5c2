"""`python -m pictureperfect` is the console script `pictureperfect`."""

from pictureperfect.cli import main

main()

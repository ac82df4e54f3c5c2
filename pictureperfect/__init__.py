"""The product's command line: `pictureperfect`, or `python -m pictureperfect`."""

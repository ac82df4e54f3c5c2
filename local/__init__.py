"""The laptop door: the command line, and the embedded cloud."""

"""Commands over the embedded cloud."""

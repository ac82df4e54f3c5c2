"""Commands over files on this machine."""

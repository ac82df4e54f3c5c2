"""`process` and `estimate`: files on this machine, without a cloud."""

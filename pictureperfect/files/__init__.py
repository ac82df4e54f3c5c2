"""`process` and `estimate`: image files on this machine, without a cloud."""

"""The worker: a supervised child process that decodes, processes and encodes images."""

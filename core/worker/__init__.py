"""The supervised child process that decodes, processes and encodes images."""

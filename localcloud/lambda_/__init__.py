"""Lambda functions as processes, their invocations and their event sources."""

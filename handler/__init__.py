"""The Lambda functions: each translates an event, calls the core, and translates the answer."""

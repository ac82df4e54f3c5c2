"""The Lambda doors: translate an event, call the core, translate the answer."""

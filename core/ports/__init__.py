"""Protocols that the services call; adapters and the fakes of the tests implement them."""

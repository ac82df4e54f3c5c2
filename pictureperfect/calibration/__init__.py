"""`calibrate`: measures decoders, operations and encoders for the cost table."""

"""Process one image and commit its result."""

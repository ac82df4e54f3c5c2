"""Animated GIF and WebP, written frame by frame; `core.imaging.codec.frames` reads and chooses."""

"""Animations: reading them frame by frame, and writing GIF and WebP."""

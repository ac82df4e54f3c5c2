"""Rendering: runs a pipeline over one image file, in the worker's child."""

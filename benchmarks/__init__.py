"""Measurements, as ratios and differences within one run. None of them is a test."""

"""Benchmarks. They compare within one run, as ratios or differences; none is a test."""

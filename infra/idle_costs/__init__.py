"""The cost of a month without an image, counted in the synthesized template; docs/reference/idle-costs.md shows it."""

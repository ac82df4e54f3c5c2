"""The choice between Lambda and Batch: estimates, cost tables, tiers and prices."""

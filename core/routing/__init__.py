"""The choice between Lambda and Batch: estimates, cost tables, Batch tiers and prices."""

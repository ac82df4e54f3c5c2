"""The cloud as code: one stack, free of account and region, from one file of settings."""

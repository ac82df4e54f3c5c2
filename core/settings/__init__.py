"""Environment variables as values, validated once."""

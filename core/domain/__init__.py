"""The values and rules that every other package of `core` uses: models, errors, object keys, stored documents."""

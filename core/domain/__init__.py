"""Values and rules that every other package of `core` may use: models, errors, keys, stored documents."""

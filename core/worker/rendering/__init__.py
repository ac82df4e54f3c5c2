"""One image file through one pipeline, inside the worker's child."""

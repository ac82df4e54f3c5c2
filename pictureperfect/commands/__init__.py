"""The commands of `pictureperfect`, a module each, imported on use."""

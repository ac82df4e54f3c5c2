"""The commands of `pictureperfect`, a module each, loaded when they are called for."""

"""The parts of `pictureperfect demo`: painted images, a tour that sends them through every door, and a gallery."""

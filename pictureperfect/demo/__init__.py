"""`pictureperfect demo`: painted images through every door, and the gallery of results."""

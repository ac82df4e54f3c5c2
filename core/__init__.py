"""Everything the doors share; imports none of them."""

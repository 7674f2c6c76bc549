"""How other programs name, shape and order a network's arrays."""

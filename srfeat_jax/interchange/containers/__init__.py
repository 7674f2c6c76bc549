"""Arrays by name from files, whatever network they are of."""

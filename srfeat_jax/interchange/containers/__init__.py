"""Arrays by name in files, whatever network they belong to."""

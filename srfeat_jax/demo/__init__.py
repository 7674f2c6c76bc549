"""The page on which pictures can be enlarged, in a browser."""

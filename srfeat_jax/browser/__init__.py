"""A page that upscales images in a browser, without a server."""

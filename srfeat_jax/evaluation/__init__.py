"""How good a generator is on whole benchmark images, and how that is shown."""

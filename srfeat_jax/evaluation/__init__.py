"""The quality of a generator on whole benchmark images: metrics and reports."""

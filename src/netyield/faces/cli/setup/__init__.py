"""``netyield init``: find the sources, look at each, write netyield.toml, show a first report."""

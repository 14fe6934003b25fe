"""Was it worth it: the versioned verdict policy, its rules, late outcomes."""

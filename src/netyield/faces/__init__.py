"""Format, never compute: command line and report."""

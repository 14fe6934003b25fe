"""Read the outside: bills, GPU telemetry, traffic, outcomes, prices. Never writes, never prices."""

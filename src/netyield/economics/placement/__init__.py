"""Own, rent or call an API: what each way costs for the same requests, with what certainty, and what would flip it."""

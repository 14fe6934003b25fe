"""Owned hardware: what the asset register says, what each asset is worth when, and the charges it makes."""

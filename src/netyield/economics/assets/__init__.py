"""Owned hardware: its depreciation, what a change of estimate does, write-downs, leases, journals and tie-out."""

"""Who used what: capacity states, sharing, phase split, pricing, waterfall."""

"""Bills: FOCUS files, cost APIs of token vendors, and rate cards for those who have no bill yet."""

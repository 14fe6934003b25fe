"""What to do: findings turned into priced advice."""

"""What could be: modelled counterfactuals that stand beside the books and never post to them."""

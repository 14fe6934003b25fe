"""LLM traffic: mapped request logs and LiteLLM."""

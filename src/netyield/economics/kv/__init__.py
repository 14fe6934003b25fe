"""KV cache: what would each cache size, policy and tier have saved on this trace, and which plan is cheapest?"""

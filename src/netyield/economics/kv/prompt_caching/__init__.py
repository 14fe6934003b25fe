"""What does a provider's prompt caching cost and save on a trace, and how is it best used?"""

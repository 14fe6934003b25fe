"""Serving: how much of the money spent on answering requests would the same tokens have needed?"""

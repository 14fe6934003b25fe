"""Eviction policies, each replayed for one capacity: which blocks did every request find?"""

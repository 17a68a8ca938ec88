"""
What both sides need to know of connections: the addresses that they begin at, and their ends.
"""

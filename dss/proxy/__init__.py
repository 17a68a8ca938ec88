"""
Twisted protocols: the client side, the engine side, and what joins them.
"""

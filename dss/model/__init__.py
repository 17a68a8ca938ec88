"""
Frozen values that the parts hand to each other. No I/O, and no Twisted.
"""

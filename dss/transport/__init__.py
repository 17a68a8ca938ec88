"""
What both sides need to know of the ends of a connection.
"""

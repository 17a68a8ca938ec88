"""
Sans-I/O: bytes to events and back. No socket, no clock, no Twisted.
"""

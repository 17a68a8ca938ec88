"""
Docker Safety Sock: a guarded Docker Engine socket for each owner.
"""

__version__ = "0.1.0"

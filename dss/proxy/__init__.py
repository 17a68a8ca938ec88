"""
The client's side, and what joins it to the engine's.
"""

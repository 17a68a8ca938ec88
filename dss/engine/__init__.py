"""
The engine's side: connections to it, requests on them, and questions answered.
"""

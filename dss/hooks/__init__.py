"""
The operator's own judgement: hooks of third parties, found and run.
"""

"""
The ledger: what labels can't tell of ownership, in an SQLite file beside the engine.
"""

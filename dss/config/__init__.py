"""
The settings: parsed once, frozen, validated.
"""

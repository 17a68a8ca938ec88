"""
Judgement of volumes: what may be made, which one a name means, and what is shown.
"""

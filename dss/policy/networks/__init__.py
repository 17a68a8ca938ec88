"""
Judgement of networks: which one a reference means, what may be made, and what is shown.
"""

"""
Judgement of images: which one a reference means, whose it is, and what may become of it.
"""

"""
Judgement of a Swarm: services and their tasks, secrets, configs, and what may be known of
nodes.
"""

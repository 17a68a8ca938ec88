"""
Host directories, volumes and file systems in memory: what a container mounts.
"""

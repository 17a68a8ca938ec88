from setuptools import setup

# With package_dir an editable install puts this folder on sys.path, where dss
# looks for hooks. Without it an import hook would be installed instead.
setup(package_dir={"": "."})

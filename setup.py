from setuptools import setup

# A real folder on sys.path is what Twisted's plugin system looks at: without
# package_dir an editable install would use an import hook instead, and
# "twist dss" would be unknown.
setup(package_dir={"": "."})

"""
Makes C{twist dss} and C{twistd dss} known to Twisted.

Nothing of ours is imported here: an import error in a plugin file shows as an
unknown command, so all that can fail is in L{dss.tap}.
"""

from twisted.application.service import ServiceMaker

dss = ServiceMaker(
    "Docker Safety Sock",
    "dss.tap",
    "Guard a Docker Engine's socket for one owner",
    "dss",
)

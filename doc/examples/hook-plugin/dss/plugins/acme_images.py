"""
Installs the hook: dss imports every module in this folder when it starts.

Without the variable the import fails, and dss does not start. A default that
allows everything would be worse.
"""

import os

from acme_hooks import VettedImages

vetted_images = VettedImages(os.environ["ACME_IMAGES"].split(","))

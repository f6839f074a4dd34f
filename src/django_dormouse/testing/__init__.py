"""Help for the tests of projects.

from django_dormouse.testing import lagging
"""

from django_dormouse.testing.lagging import LagEnded, lagging

__all__ = ["LagEnded", "lagging"]

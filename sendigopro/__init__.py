"""SendiGoPro: the communications platform that a business installs itself and never outgrows."""

__version__ = "0.1.0"

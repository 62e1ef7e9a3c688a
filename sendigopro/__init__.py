"""SendiGoPro: the communications platform that a business installs itself and never outgrows."""

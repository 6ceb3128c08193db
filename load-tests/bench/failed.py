"""The one way in which a measurement ends without figures."""


class Failed(Exception):
    """Why there are no figures."""

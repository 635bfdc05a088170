"""The embedded default: both servers and the four services on one machine, nothing to install."""

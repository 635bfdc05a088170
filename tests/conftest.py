"""What holds for every test: our own log speaks only of failures."""

from shared.logs import configure

configure("error")

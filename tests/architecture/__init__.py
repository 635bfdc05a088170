"""Rules of the house that a machine can hold; each check is tried on a bad example first."""

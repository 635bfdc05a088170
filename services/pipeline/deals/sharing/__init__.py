"""Who shares a deal, kept beside its shares so that lists find it."""

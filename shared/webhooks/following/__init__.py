"""Following the log: each webhook has a position in it, past which are its messages."""

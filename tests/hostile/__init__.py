"""What strangers send: every input, every pace, every load; no answer of ours may be a failure."""

"""Knowledge: what the organisation learns."""

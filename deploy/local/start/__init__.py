"""The start page of the embedded runner: what runs, its APIs and events, and how to get in."""

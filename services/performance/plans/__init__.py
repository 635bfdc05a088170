"""Plans: who is paid how, as versioned and dated data."""

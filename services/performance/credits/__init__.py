"""Credits: which part of a deal counts for which payee, as a ledger."""

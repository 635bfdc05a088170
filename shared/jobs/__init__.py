"""Long work that answers 202: import jobs, their operations and their results."""

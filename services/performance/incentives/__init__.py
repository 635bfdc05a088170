"""Incentives: what each payee earns by each component of each plan, and why."""

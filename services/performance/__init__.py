"""Performance: plans, credits, and the incentives that follow from them, explained to the cent."""

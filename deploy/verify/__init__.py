"""The verifier: recomputes every figure from raw facts and believes none of the services' code."""

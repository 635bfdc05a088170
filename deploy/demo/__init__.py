"""The demonstration: the whole chain at work, seen from outside through the public APIs."""

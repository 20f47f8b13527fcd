"""A service that tells itself what has happened, and writes down what it is told."""

"""HTTP in: from a request to the domain and back. The modules are imported one by one, by name."""

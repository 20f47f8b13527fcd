"""Single steps of a request, each beside what others would take for it, in one process."""

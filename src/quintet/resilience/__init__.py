"""What keeps a service upright when others are slow: plain Python that knows no framework."""

"""The HTTP side: the Neon API, and the console."""

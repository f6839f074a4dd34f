"""Data directories that branch."""

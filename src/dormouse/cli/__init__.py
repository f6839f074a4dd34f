"""The command `dormouse`."""

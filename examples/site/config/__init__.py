"""The project: settings, URLs and the two doors that servers use."""

"""`manage.py` verbs."""

"""Keeping connections alive: what is due is claimed, done, and written down."""

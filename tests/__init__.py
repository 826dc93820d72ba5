"""Tests of Clickker Connections; they mirror the tree."""

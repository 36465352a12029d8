#!/usr/bin/env python3
"""Clients that others wrote, over TCP."""
from scenarios import classes, unittest

globals().update(classes(uses_tls=False))

if __name__ == "__main__":
    unittest.main()

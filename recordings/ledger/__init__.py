"""The ledger: which bytes exist, who pays for them, what is held, what must go.

An app of its own that knows no other. Stored bytes are written and removed only here.
"""

"""The staleness hunt: many users of one site, over two replicas to which everything happens.

`plan` and `ledger` decide (pure); `users`, `troubles` and `serving` act; `run` puts them together.
"""

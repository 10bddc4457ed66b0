"""The store room: accounts, link tickets and the seal on Vault credentials, on SQLite or PostgreSQL.

Model values go in, model values come out; SQLAlchemy, Alembic and the cipher are known to nobody outside.
"""

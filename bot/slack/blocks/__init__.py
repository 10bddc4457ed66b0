"""What people read: pure functions from values and `now` to a Message. No clock, no client, no I/O."""

"""What each endpoint does: a call in, the body of a success out, or a refusal raised."""

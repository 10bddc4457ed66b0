"""What `python -m bot doctor` looks at: each check is one line of what is, what it means and what to do next."""

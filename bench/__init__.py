"""What one command costs, as a ratio to the least code that does the same job. Run by `make bench`."""

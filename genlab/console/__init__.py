"""What a person reads in a terminal: words, numbers, tables."""

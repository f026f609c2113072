"""Search for the settings that make a metric best."""

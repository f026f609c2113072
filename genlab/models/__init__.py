"""One LightningModule a file."""

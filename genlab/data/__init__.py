"""IDX files → uint8 tensors → one LightningDataModule for every model."""

"""train(cfg) → metrics; resuming; the trainer."""

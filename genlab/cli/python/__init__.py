"""What a notebook or a program calls: genlab.train and genlab.load_run."""

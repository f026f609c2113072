"""Many runs from one command: what is to be run, each job, the table at the end."""

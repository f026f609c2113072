"""python train.py model=vae trainer.accelerator=gpu"""

from genlab.cli.train import main

if __name__ == "__main__":
    main()

"""python train.py model=vae trainer.accelerator=gpu"""

from genlab.launch import main

if __name__ == "__main__":
    main()

"""The `genlab` command."""

import sys

HELP = """genlab: generative models on MNIST-like images

  genlab train [KEY=VALUE ...]    train a model, as python train.py does; genlab train --help shows the settings

Examples:
  genlab train model=vae
  genlab train model=flow data=fashion_mnist
  genlab train model=vae model.latent_dim=2 trainer.max_epochs=5
  genlab train -m model.latent_dim=2,20 seed=0,1"""


def main() -> None:
    """Entry point: `genlab COMMAND …`."""
    command = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if command in ("-h", "--help"):
        print(HELP)
    elif command == "--version":
        from genlab import __version__

        print(__version__)
    elif command == "train":
        from genlab import launch

        # Lightning starts further processes of a run by this path, so it must be a script that trains
        sys.argv[:2] = [launch.__file__]
        launch.main()
    else:
        sys.exit(f"error: {command}: no such command; allowed: train. See genlab --help")


if __name__ == "__main__":
    main()

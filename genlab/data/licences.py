"""Whose the images are: what is said of them where weights that were trained on them are passed on."""

LICENCES = {
    "mnist": "CC BY-SA 3.0, Yann LeCun and Corinna Cortes",
    "fashion_mnist": "MIT, Zalando SE",
    "kmnist": "CC BY-SA 4.0, Center for Open Data in the Humanities, adapted from the Kuzushiji dataset",
    "emnist_letters": "not stated; made by G. Cohen et al. from NIST Special Database 19",
    "cifar10": "not stated; made by A. Krizhevsky, V. Nair and G. Hinton",
    "svhn": "for non-commercial use only, Y. Netzer et al.",
    "digits": "CC BY 4.0, E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI repository",
}


def licence(source: str) -> str:
    """Of a data set's images, by its name."""
    return LICENCES.get(source, "not known to genlab: see where the images come from")
